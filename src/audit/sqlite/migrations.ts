/** The schema, one numbered step after the other. A released step is never changed. */
import { RecordUnavailable } from '../record.ts';
import { addCallIndex } from './call-index.ts';
import { addSearch, renewWords, wordsUnicode } from './search-schema.ts';
import type { Connection } from './connection.ts';

/** `PRAGMA application_id`: "Sply" in ASCII. */
const applicationId = 0x53706c79;

/**
 * `audit_chain` is small and permanent: `canonical` is the truth, the other columns are copies for search, and
 * `time_high` is the latest time of the chain so far, which turns a range of time into a range of positions
 * also where the clock went backwards.
 * `audit_content`, `calls`, `artifacts` and `idempotency` are erasable.
 */
const initial = `
  CREATE TABLE audit_chain (
    position INTEGER PRIMARY KEY,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    canonical BLOB NOT NULL,
    event_hash TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    time TEXT NOT NULL,
    time_high TEXT NOT NULL,
    call_id TEXT,
    tenant TEXT,
    principal TEXT,
    tool TEXT,
    status TEXT,
    effect TEXT,
    rule TEXT,
    request_id TEXT,
    UNIQUE (writer, sequence)
  ) STRICT;
  CREATE INDEX audit_chain_time_high ON audit_chain (time_high);
  CREATE INDEX audit_chain_clock_back ON audit_chain (position) WHERE time < time_high;
  CREATE INDEX audit_chain_type ON audit_chain (type);
  CREATE INDEX audit_chain_tenant ON audit_chain (tenant);
  CREATE INDEX audit_chain_principal ON audit_chain (principal);
  CREATE INDEX audit_chain_tool ON audit_chain (tool);
  CREATE INDEX audit_chain_call_id ON audit_chain (call_id) WHERE call_id IS NOT NULL;
  CREATE INDEX audit_chain_request_id ON audit_chain (request_id) WHERE request_id IS NOT NULL;
  CREATE TRIGGER audit_chain_no_update BEFORE UPDATE ON audit_chain
    BEGIN SELECT RAISE(ABORT, 'audit_chain is append-only'); END;
  CREATE TRIGGER audit_chain_no_delete BEFORE DELETE ON audit_chain
    BEGIN SELECT RAISE(ABORT, 'audit_chain is append-only'); END;

  CREATE TABLE audit_content (
    position INTEGER PRIMARY KEY REFERENCES audit_chain (position),
    salt TEXT NOT NULL,
    content BLOB NOT NULL
  ) STRICT;

  CREATE TABLE writers (
    writer TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE calls (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    salt TEXT NOT NULL,
    body BLOB NOT NULL
  ) STRICT;
  CREATE INDEX calls_running ON calls (id) WHERE status = 'running';

  CREATE TABLE artifacts (
    id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    tenant TEXT NOT NULL,
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    data BLOB NOT NULL
  ) STRICT;
  CREATE INDEX artifacts_call_id ON artifacts (call_id);

  CREATE TABLE idempotency (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    expires_at_ms INTEGER NOT NULL,
    PRIMARY KEY (principal, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX idempotency_call_id ON idempotency (call_id);

  CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    principal TEXT NOT NULL,
    tenant TEXT NOT NULL,
    roles TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    revoked_at_ms INTEGER
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at_ms INTEGER NOT NULL,
    ballast BLOB NOT NULL
  ) STRICT;
`;

/** The kill switch: `body` is the block as JSON. */
const blocks = `
  CREATE TABLE blocks (
    id TEXT PRIMARY KEY,
    expires_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/**
 * `pending_payloads` holds what a waiting call would run with, sealed under a key that is not in this file; a row goes
 * when its approval takes its final status.
 */
const approvals = `
  CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL UNIQUE REFERENCES calls (id) ON DELETE CASCADE,
    principal TEXT NOT NULL,
    status TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    body BLOB NOT NULL
  ) STRICT;
  CREATE INDEX approvals_status ON approvals (status, id);
  CREATE INDEX approvals_expiry ON approvals (expires_at_ms) WHERE status = 'pending';
  CREATE INDEX approvals_principal ON approvals (principal) WHERE status = 'pending';

  CREATE TABLE pending_payloads (
    call_id TEXT PRIMARY KEY REFERENCES approvals (call_id) ON DELETE CASCADE,
    sealed BLOB NOT NULL
  ) STRICT;
`;

/** Counts what waits of a tenant; the expression is that of `pendingTenant`. */
const approvalTenants = `
  CREATE INDEX approvals_tenant ON approvals (json_extract(CAST(body AS TEXT), '$.tenant')) WHERE status = 'pending';
`;

/** `body` is the stored session as JSON. */
const sessions = `
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    principal TEXT NOT NULL,
    status TEXT NOT NULL,
    body BLOB NOT NULL
  ) STRICT;
  CREATE INDEX sessions_owner ON sessions (tenant, principal, id);
  CREATE INDEX sessions_open ON sessions (id) WHERE status = 'open';
`;

/** Revisions by their hash, and which one decides; `facts` and `pin` are JSON. */
const revisions = `
  CREATE TABLE policy_revisions (
    id TEXT PRIMARY KEY,
    content BLOB NOT NULL,
    first_activated_at_ms INTEGER NOT NULL,
    last_activated_at_ms INTEGER NOT NULL,
    facts TEXT NOT NULL
  ) STRICT;
  CREATE TABLE policy_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision TEXT NOT NULL REFERENCES policy_revisions (id),
    pin TEXT
  ) STRICT;
`;

const taints = `
  CREATE TABLE taints (
    holder TEXT NOT NULL,
    name TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    PRIMARY KEY (holder, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX taints_expiry ON taints (expires_at_ms);
`;

/** Uploaded for calls. The index answers what a tenant has without a look at the bytes. */
const files = `
  CREATE TABLE files (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    principal TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    data BLOB NOT NULL
  ) STRICT;
  CREATE INDEX files_room ON files (tenant, expires_at_ms, size_bytes);
  CREATE INDEX files_expiry ON files (expires_at_ms);
`;

/** What policy reads of a principal besides its roles, JSON text. */
const keyAttributes = `ALTER TABLE api_keys ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}'`;

/** Of these an earlier process may have left some. */
const openCalls = `
  DROP INDEX IF EXISTS calls_running;
  CREATE INDEX IF NOT EXISTS calls_open ON calls (id) WHERE status IN ('queued', 'running')`;

type Step = string | ((connection: Connection) => void);

const migrations: readonly Step[] = [
  initial,
  blocks,
  approvals,
  approvalTenants,
  sessions,
  revisions,
  taints,
  addSearch,
  addCallIndex,
  files,
  keyAttributes,
  wordsUnicode,
  openCalls,
];

/** The schema of this version. */
export const schemaVersion = migrations.length;

/**
 * Brings the schema up to date; safe to run again and from several processes. Throws `RecordUnavailable` for a newer one.
 * `target` is for tests, which begin with what an earlier version left.
 */
export function migrate(connection: Connection, target = schemaVersion): void {
  connection
    .transaction(() => {
      const version = supportedVersion(connection);
      if (version < target) {
        for (const step of migrations.slice(version, target))
          if (typeof step === 'string') connection.exec(step);
          else step(connection);
        connection.pragma(`user_version = ${target}`);
        connection.pragma(`application_id = ${applicationId}`);
      }
      if (target === schemaVersion) renewWords(connection);
    })
    .exclusive();
}

/** Throws unless this version can read the database as it is. */
export function requireCurrentSchema(connection: Connection): void {
  if (supportedVersion(connection) === migrations.length) return;
  throw new RecordUnavailable(
    'The database has an older schema; start the server once to bring it up to date.',
  );
}

function supportedVersion(connection: Connection): number {
  const version = Number(connection.pragma('user_version', { simple: true }));
  const id = Number(connection.pragma('application_id', { simple: true }));
  if (version > 0 && id !== applicationId)
    throw new RecordUnavailable('The database belongs to another program; choose another data directory.');
  if (version <= migrations.length) return version;
  throw new RecordUnavailable(
    `The database has schema ${version} of a newer version, this one knows ${migrations.length}; start the newer version or restore a back-up.`,
  );
}
