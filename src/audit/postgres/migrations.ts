/** The schema, one numbered step after the other, under a lock. A released step is never changed. */
import { genesisHash } from '../chain.ts';
import { isHeldAt } from '../hold-sql.ts';
import { RecordUnavailable } from '../record.ts';
import { addCallIndex } from './call-index.ts';
import { rowsOf } from './connection.ts';
import type { Queryable, Session } from './connection.ts';

/** Class of our advisory locks: "Sply" in ASCII. */
export const lockClass = 0x53706c79;

/** Text that compares byte by byte, whatever the locale of the database. */
const text = 'text COLLATE "C"';

/**
 * `audit_chain` is small and permanent: `canonical` is the truth, the other columns are copies for search, and
 * `time_high` is the latest time of the chain so far. `record_tail` is one row that every transaction locks, so that
 * positions are in the order of commits. `writers` says where each chain ends, and which epoch of its writer may go on.
 * `shared_secrets` holds proofs that all nodes have the same keys, and nothing of the keys.
 *
 * `audit_content` has a partition a day. Its rows are seen by who set `sallyport.tenant` ('*': all) and
 * `sallyport.oldest` (a time): without them nothing is, and what is older and not held is not there any more before it
 * is removed. `audit_terms` and `audit_words` find events by what is not in a column. `scrub_due` is 2 from an erasure,
 * 1 from a purge, until the tables were rewritten.
 */
const initial = `
  CREATE TABLE audit_chain (
    position bigint PRIMARY KEY,
    writer ${text} NOT NULL,
    sequence bigint NOT NULL,
    canonical bytea NOT NULL,
    event_hash ${text} NOT NULL,
    previous_hash ${text} NOT NULL,
    hash ${text} NOT NULL,
    id ${text} NOT NULL,
    type ${text} NOT NULL,
    time ${text} NOT NULL,
    time_high ${text} NOT NULL,
    call_id ${text},
    tenant ${text},
    principal ${text},
    tool ${text},
    status ${text},
    effect ${text},
    rule ${text},
    request_id ${text},
    UNIQUE (writer, sequence)
  );
  CREATE UNIQUE INDEX audit_chain_id ON audit_chain (id);
  CREATE INDEX audit_chain_time_high ON audit_chain (time_high, position);
  CREATE INDEX audit_chain_clock_back ON audit_chain (position) WHERE time < time_high;
  CREATE INDEX audit_chain_type ON audit_chain (type, position);
  CREATE INDEX audit_chain_tenant ON audit_chain (tenant, position);
  CREATE INDEX audit_chain_principal ON audit_chain (principal, position);
  CREATE INDEX audit_chain_tool ON audit_chain (tool, position);
  CREATE INDEX audit_chain_rule ON audit_chain (rule, position) WHERE rule IS NOT NULL;
  CREATE INDEX audit_chain_status ON audit_chain (status, position) WHERE status <> 'succeeded';
  CREATE INDEX audit_chain_effect ON audit_chain (effect, position) WHERE effect <> 'allow';
  CREATE INDEX audit_chain_call_id ON audit_chain (call_id, position) WHERE call_id IS NOT NULL;
  CREATE INDEX audit_chain_request_id ON audit_chain (request_id, position) WHERE request_id IS NOT NULL;
  CREATE FUNCTION audit_chain_stays() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit_chain is append-only'; END $$;
  CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION audit_chain_stays();

  CREATE TABLE audit_terms (
    kind ${text} NOT NULL,
    value ${text} NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (kind, value, position)
  );
  CREATE INDEX audit_terms_position ON audit_terms (position);
  CREATE TABLE audit_words (position bigint PRIMARY KEY, words tsvector NOT NULL);
  CREATE INDEX audit_words_words ON audit_words USING gin (words);

  CREATE TABLE holds (
    id ${text} PRIMARY KEY,
    call_id ${text},
    principal ${text},
    tenant ${text},
    session ${text},
    from_time ${text},
    to_time ${text},
    body ${text} NOT NULL
  );
  CREATE TABLE upkeep (id integer PRIMARY KEY CHECK (id = 1), scrub_due integer NOT NULL);
  INSERT INTO upkeep VALUES (1, 0);

  CREATE TABLE audit_content (
    day ${text} NOT NULL,
    position bigint NOT NULL,
    tenant ${text},
    time ${text} NOT NULL,
    salt ${text} NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (day, position)
  ) PARTITION BY LIST (day);
  ALTER TABLE audit_content ENABLE ROW LEVEL SECURITY;
  ALTER TABLE audit_content FORCE ROW LEVEL SECURITY;
  CREATE POLICY seen ON audit_content USING (
    (current_setting('sallyport.tenant', true) = '*' OR tenant = current_setting('sallyport.tenant', true))
    AND (time >= current_setting('sallyport.oldest', true) OR ${isHeldAt('audit_content.position')})
  ) WITH CHECK (true);

  CREATE TABLE record_tail (
    id integer PRIMARY KEY CHECK (id = 1),
    position bigint NOT NULL,
    time_high ${text} NOT NULL
  );
  INSERT INTO record_tail VALUES (1, 0, '');

  CREATE TABLE writers (
    writer ${text} PRIMARY KEY,
    sequence bigint NOT NULL DEFAULT 0,
    hash ${text} NOT NULL DEFAULT '${genesisHash}',
    epoch bigint NOT NULL DEFAULT 1,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    is_stopped boolean NOT NULL DEFAULT false,
    counts_alone boolean NOT NULL DEFAULT false
  );

  CREATE TABLE shared_secrets (name ${text} PRIMARY KEY, proof ${text} NOT NULL);

  CREATE TABLE calls (
    id ${text} PRIMARY KEY,
    status ${text} NOT NULL,
    salt ${text} NOT NULL,
    body bytea NOT NULL,
    stored_at_ms bigint NOT NULL,
    writer ${text} NOT NULL,
    epoch bigint NOT NULL
  );
  CREATE INDEX calls_stored_at ON calls (stored_at_ms);
  CREATE INDEX calls_running ON calls (writer, epoch) WHERE status = 'running';

  CREATE TABLE artifacts (
    id ${text} PRIMARY KEY,
    call_id ${text} NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    tenant ${text} NOT NULL,
    principal ${text} NOT NULL,
    name ${text} NOT NULL,
    media_type ${text} NOT NULL,
    sha256 ${text} NOT NULL,
    expires_at_ms bigint NOT NULL,
    data bytea NOT NULL
  );
  CREATE INDEX artifacts_call_id ON artifacts (call_id);
  CREATE INDEX artifacts_expiry ON artifacts (expires_at_ms);

  CREATE TABLE idempotency (
    principal ${text} NOT NULL,
    key ${text} NOT NULL,
    fingerprint ${text} NOT NULL,
    call_id ${text} NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    expires_at_ms bigint NOT NULL,
    PRIMARY KEY (principal, key)
  );
  CREATE INDEX idempotency_call_id ON idempotency (call_id);
  CREATE INDEX idempotency_expiry ON idempotency (expires_at_ms);

  CREATE TABLE approvals (
    id ${text} PRIMARY KEY,
    call_id ${text} NOT NULL UNIQUE REFERENCES calls (id) ON DELETE CASCADE,
    tenant ${text} NOT NULL,
    principal ${text} NOT NULL,
    status ${text} NOT NULL,
    expires_at_ms bigint NOT NULL,
    body bytea NOT NULL
  );
  CREATE INDEX approvals_status ON approvals (status, id);
  CREATE INDEX approvals_expiry ON approvals (expires_at_ms) WHERE status = 'pending';
  CREATE INDEX approvals_principal ON approvals (principal) WHERE status = 'pending';
  CREATE INDEX approvals_tenant ON approvals (tenant) WHERE status = 'pending';

  CREATE TABLE pending_payloads (
    call_id ${text} PRIMARY KEY REFERENCES approvals (call_id) ON DELETE CASCADE,
    sealed bytea NOT NULL
  );

  CREATE TABLE sessions (
    id ${text} PRIMARY KEY,
    tenant ${text} NOT NULL,
    principal ${text} NOT NULL,
    status ${text} NOT NULL,
    writer ${text} NOT NULL,
    body bytea NOT NULL
  );
  CREATE INDEX sessions_owner ON sessions (tenant, principal, id);
  CREATE INDEX sessions_open ON sessions (writer, id) WHERE status = 'open';

  CREATE TABLE taints (
    holder ${text} NOT NULL,
    name ${text} NOT NULL,
    expires_at_ms bigint NOT NULL,
    PRIMARY KEY (holder, name)
  );
  CREATE INDEX taints_expiry ON taints (expires_at_ms);

  CREATE TABLE api_keys (
    id ${text} PRIMARY KEY,
    secret_hash ${text} NOT NULL,
    principal ${text} NOT NULL,
    tenant ${text} NOT NULL,
    roles ${text} NOT NULL,
    scopes ${text} NOT NULL,
    created_at_ms bigint NOT NULL,
    expires_at_ms bigint,
    revoked_at_ms bigint
  );

  CREATE TABLE policy_revisions (
    id ${text} PRIMARY KEY,
    content bytea NOT NULL,
    first_activated_at_ms bigint NOT NULL,
    last_activated_at_ms bigint NOT NULL,
    facts ${text} NOT NULL
  );
  CREATE TABLE policy_state (
    writer ${text} PRIMARY KEY,
    revision ${text} NOT NULL REFERENCES policy_revisions (id),
    pin ${text}
  );

  CREATE TABLE blocks (
    id ${text} PRIMARY KEY,
    expires_at_ms bigint NOT NULL,
    body ${text} NOT NULL
  );

  CREATE TABLE probe (
    id integer PRIMARY KEY CHECK (id = 1),
    at_ms bigint NOT NULL,
    ballast bytea NOT NULL
  );
`;

/** Uploaded for calls. The index answers what a tenant has without a look at the bytes. */
const files = `
  CREATE TABLE files (
    id ${text} PRIMARY KEY,
    tenant ${text} NOT NULL,
    principal ${text} NOT NULL,
    sha256 ${text} NOT NULL,
    size_bytes bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    data bytea NOT NULL
  );
  CREATE INDEX files_room ON files (tenant, expires_at_ms, size_bytes);
  CREATE INDEX files_expiry ON files (expires_at_ms);
`;

/** What policy reads of a principal besides its roles, JSON text. */
const keyAttributes = `ALTER TABLE api_keys ADD COLUMN attributes ${text} NOT NULL DEFAULT '{}'`;

/** A sigma at the end of a word is one like others since. */
const sigmas = `
  UPDATE audit_words SET words = (
    SELECT array_to_tsvector(array_agg(DISTINCT replace(lexeme, 'ς', 'σ')))
    FROM unnest(tsvector_to_array(words)) AS u (lexeme)
  ) WHERE words::text LIKE '%ς%';
`;

type Step = string | ((session: Session) => Promise<void>);

/** Of these a silent node may have left some. */
const openCalls = `
  DROP INDEX IF EXISTS calls_running;
  CREATE INDEX IF NOT EXISTS calls_open ON calls (writer, epoch) WHERE status IN ('queued', 'running')`;

const migrations: readonly Step[] = [initial, addCallIndex, files, keyAttributes, sigmas, openCalls];

/** The schema of this version. */
export const schemaVersion = migrations.length;

/**
 * Brings the schema up to date; safe to run again, and from several nodes at once. Throws `RecordUnavailable` for a newer one.
 * `target` is for tests, which begin with what an earlier version left.
 */
export async function migrate(session: Session, target = schemaVersion): Promise<void> {
  await session.query('BEGIN');
  await session.query('SELECT pg_advisory_xact_lock($1, 0)', [lockClass]);
  await session.query('CREATE TABLE IF NOT EXISTS sallyport_schema (version integer NOT NULL)');
  const version = await supportedVersion(session);
  for (const step of migrations.slice(version, target))
    await (typeof step === 'string' ? session.query(step) : step(session));
  if (version < target) {
    await session.query('DELETE FROM sallyport_schema');
    await session.query('INSERT INTO sallyport_schema VALUES ($1)', [target]);
  }
  await session.query('COMMIT');
}

/** Throws unless this version can read the database as it is. */
export async function requireCurrentSchema(connection: Queryable): Promise<void> {
  const [found] = await rowsOf<{ schema: string | null }>(
    connection,
    `SELECT to_regclass('sallyport_schema')::text AS schema`,
  );
  if (
    found !== undefined &&
    found.schema !== null &&
    (await supportedVersion(connection)) === migrations.length
  )
    return;
  throw new RecordUnavailable(
    'The database has no record, or an older schema; start the server once to bring it up to date.',
  );
}

async function supportedVersion(connection: Queryable): Promise<number> {
  const [row] = await rowsOf<{ version: number }>(connection, 'SELECT version FROM sallyport_schema');
  const version = row?.version ?? 0;
  if (version <= migrations.length) return version;
  throw new RecordUnavailable(
    `The database has schema ${version} of a newer version, this one knows ${migrations.length}; start the newer version or restore a back-up.`,
  );
}

/**
 * Throws `RecordUnavailable` where the server would not keep what it acknowledges, where its settings would make row
 * security no barrier, or where it cannot hold our text.
 */
export async function requireSafeServer(session: Session): Promise<void> {
  const [server] = await rowsOf<Record<string, string | boolean>>(
    session,
    `SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
       current_setting('server_encoding') AS encoding, current_setting('server_version_num')::int < 130000 AS is_old,
       rolsuper OR rolbypassrls AS bypasses FROM pg_roles WHERE rolname = current_user`,
  );
  const refuse = (why: string): never => {
    throw new RecordUnavailable(`This PostgreSQL cannot keep the record: ${why}.`);
  };
  if (server === undefined) return refuse('it does not know its own user');
  if (server['is_old'] === true) refuse('it is older than version 13');
  if (server['fsync'] !== 'on' || server['full_page_writes'] !== 'on')
    refuse('fsync or full_page_writes is off, so that what it acknowledged would be lost with the power');
  if (server['encoding'] !== 'UTF8') refuse('its database is not UTF8; create one with ENCODING UTF8');
  if (server['bypasses'] === true)
    refuse(
      'the user of SALLYPORT_DATABASE_URL is a superuser or has BYPASSRLS, and row-level security would not hold; use a role that owns the database and nothing else',
    );
}
