/** The steps of the schema that add terms, words, retention and holds, with what older rows get of them. */
import { contentTerms, eventWords, permanentTerms } from '../search-terms.ts';
import { isCallHeld, isHeldAt } from '../hold-sql.ts';
import { parseCanonicalEvent } from '../stored-event.ts';
import type { JsonObject } from '../../model/json.ts';
import type { CanonicalEvent } from '../stored-event.ts';
import type { Connection } from './connection.ts';

/**
 * A condition: a later event says why the content of an event is gone. Named parameters `position`, `callId`, `principal`
 * and `session` of that event.
 */
export const isErasureToldOf = `EXISTS (SELECT 1 FROM audit_chain e WHERE e.position > $position AND (e.type = 'purged'
  OR (e.type = 'erased' AND (e.call_id = $callId OR (e.call_id IS NULL AND (
    json_extract(CAST(e.canonical AS TEXT), '$.details.selection.principal') = $principal
    OR json_extract(CAST(e.canonical AS TEXT), '$.details.selection.session') = $session))))))`;

/**
 * `audit_terms` and `audit_text` find events by what is not in a column; both are derived. `retention_now` says since
 * when content is shown, by the clock that each connection brings along as `now_ms()`; the views show what is younger
 * or held, whatever else is still in the tables. `scrub_due` is 2 from an erasure, 1 from a purge, until
 * the file was rewritten.
 */
const schema = `
  CREATE TABLE audit_terms (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (kind, value, position)
  ) STRICT, WITHOUT ROWID;
  CREATE VIRTUAL TABLE audit_text USING fts5 (words, content = '', detail = none);
  INSERT INTO audit_text (audit_text, rank) VALUES ('secure-delete', 1);
  CREATE INDEX audit_chain_rule ON audit_chain (rule) WHERE rule IS NOT NULL;
  CREATE INDEX audit_chain_status ON audit_chain (status) WHERE status IS NOT NULL AND status <> 'succeeded';
  CREATE INDEX audit_chain_effect ON audit_chain (effect) WHERE effect IS NOT NULL AND effect <> 'allow';
  CREATE INDEX audit_chain_id ON audit_chain (id);

  CREATE TABLE upkeep (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    retention_ms INTEGER,
    scrub_due INTEGER NOT NULL
  ) STRICT;
  INSERT INTO upkeep (id, retention_ms, scrub_due) VALUES (1, NULL, 0);

  CREATE TABLE holds (
    id TEXT PRIMARY KEY,
    call_id TEXT,
    principal TEXT,
    tenant TEXT,
    session TEXT,
    from_time TEXT,
    to_time TEXT,
    body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  ALTER TABLE calls ADD COLUMN stored_at_ms INTEGER NOT NULL DEFAULT 0;
  UPDATE calls SET stored_at_ms =
    coalesce(CAST(round(1000 * unixepoch(json_extract(CAST(body AS TEXT), '$.call.createdAt'), 'subsec')) AS INTEGER), 0);
  CREATE INDEX calls_stored_at ON calls (stored_at_ms);
  CREATE INDEX artifacts_expiry ON artifacts (expires_at_ms);
  CREATE INDEX idempotency_expiry ON idempotency (expires_at_ms);

  CREATE VIEW retention_now AS
    SELECT now_ms() - retention_ms AS since_ms,
      strftime('%Y-%m-%dT%H:%M:%fZ', (now_ms() - retention_ms) / 1000.0, 'unixepoch') AS since
    FROM upkeep WHERE retention_ms IS NOT NULL;
  CREATE VIEW audit_content_kept AS
    SELECT c.position, c.salt, c.content FROM audit_content c
    WHERE NOT EXISTS (SELECT 1 FROM retention_now r JOIN audit_chain a ON a.position = c.position WHERE a.time < r.since)
      OR ${isHeldAt('c.position')};
  CREATE VIEW calls_kept AS
    SELECT k.id, k.status, k.body FROM calls k
    WHERE NOT EXISTS (SELECT 1 FROM retention_now r WHERE k.stored_at_ms < r.since_ms) OR ${isCallHeld('k.id')};
`;

/**
 * Words as `eventWords` makes them, which this tokenizer cuts at the spaces between them and nowhere else. Before, FTS5 cut by
 * the Unicode 6.1 that it knows, so that one word of a search could be a phrase there, which `detail = none` refuses.
 */
const ownWords = `
  DROP TABLE audit_text;
  CREATE VIRTUAL TABLE audit_text USING fts5 (words, content = '', detail = none, tokenize = 'ascii');
  INSERT INTO audit_text (audit_text, rank) VALUES ('secure-delete', 1);
  UPDATE upkeep SET words_unicode = '${process.versions.unicode}';
`;

export function addSearch(connection: Connection): void {
  connection.exec(schema);
  const index = indexStatements(connection);
  forEachEvent(connection, (position, event, content) => addToIndex(index, position, event, content));
}

/** The step by which words are our own. FTS5 made those that are there; no Unicode of ours did, so they are made anew. */
export const wordsUnicode = 'ALTER TABLE upkeep ADD COLUMN words_unicode TEXT';

/**
 * Makes the words once more where another Unicode made them: with its letters, a word of a text that is to go would not be
 * the one that is in the index, and would stay there.
 */
export function renewWords(connection: Connection): void {
  const made = connection.prepare('SELECT words_unicode FROM upkeep').pluck().get();
  if (made === process.versions.unicode) return;
  connection.exec(ownWords);
  const index = indexStatements(connection);
  forEachEvent(connection, (position, event, content) =>
    addWordsOf(index, position, eventWords(event.details, readableContent(content))),
  );
}

/** Null also where it was damaged, which keeps nothing from its start: verification names it. */
function readableContent(content: string | null): JsonObject | null {
  try {
    return content === null ? null : parseContent(content);
  } catch {
    return null;
  }
}

/** Rows taken up at once: each may hold some megabytes of content. */
const rowsAtOnce = 64;

function forEachEvent(
  connection: Connection,
  take: (position: number, event: CanonicalEvent, content: string | null) => void,
): void {
  const rows = connection
    .prepare(
      `SELECT e.position, e.canonical, c.content FROM audit_chain e LEFT JOIN audit_content c ON c.position = e.position
       WHERE e.position > ? ORDER BY e.position LIMIT ${rowsAtOnce}`,
    )
    .raw();
  for (let after = 0; ;) {
    const batch = rows.all(after) as [number, Buffer, Buffer | null][];
    for (const [position, canonical, content] of batch) {
      take(position, parseCanonicalEvent(canonical.toString()), content?.toString() ?? null);
      after = position;
    }
    if (batch.length === 0) return;
  }
}

export type IndexStatements = ReturnType<typeof indexStatements>;

export function indexStatements(connection: Connection) {
  return {
    addTerm: connection.prepare('INSERT OR IGNORE INTO audit_terms (kind, value, position) VALUES (?, ?, ?)'),
    dropTerm: connection.prepare('DELETE FROM audit_terms WHERE kind = ? AND value = ? AND position = ?'),
    addWords: connection.prepare('INSERT INTO audit_text (rowid, words) VALUES (?, ?)'),
    dropWords: connection.prepare(
      `INSERT INTO audit_text (audit_text, rowid, words) VALUES ('delete', ?, ?)`,
    ),
  };
}

/** `content` is canonical JSON, as stored. */
export function addToIndex(
  index: IndexStatements,
  position: number | bigint,
  event: CanonicalEvent,
  content: string | null,
): void {
  const parsed = content === null ? null : parseContent(content);
  for (const { kind, value } of [...permanentTerms(event), ...contentTerms(parsed)])
    index.addTerm.run(kind, value, position);
  addWordsOf(index, position, eventWords(event.details, parsed));
}

/** Takes away what came from the content. What is in the index must be what is stored, or FTS5 would be left in disorder. */
export function dropFromIndex(
  index: IndexStatements,
  position: number,
  canonical: string,
  content: string,
): void {
  const { details } = parseCanonicalEvent(canonical);
  const parsed = parseContent(content);
  for (const { kind, value } of contentTerms(parsed)) index.dropTerm.run(kind, value, position);
  const words = eventWords(details, parsed);
  if (words.length > 0) index.dropWords.run(position, words.join(' '));
  addWordsOf(index, position, eventWords(details, null));
}

function addWordsOf(
  { addWords }: IndexStatements,
  position: number | bigint,
  words: readonly string[],
): void {
  if (words.length > 0) addWords.run(position, words.join(' '));
}

/** As stored, canonical. */
function parseContent(content: string): JsonObject {
  return JSON.parse(content) as JsonObject;
}
