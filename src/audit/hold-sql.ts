/** Conditions of holds and owners, as both databases read them. Arguments are names of columns, or marks of bound values. */

/** Events that say of a call whose it is. */
export const ownerTypes = `('intent', 'outcome', 'not_started', 'denied', 'invalid', 'quota_exceeded', 'queued', 'approval_requested')`;

/** Of an event, by its alias: whether the call of `owner` is its subject. */
export function isOwnedBy(owner: string, event = 'e'): string {
  return `EXISTS (SELECT 1 FROM audit_chain o WHERE o.call_id = ${event}.call_id AND o.principal = ${owner} AND o.type IN ${ownerTypes})`;
}

/** A hold `h` means an event `held`. */
const holds = `(h.call_id IS NULL OR held.call_id = h.call_id)
  AND (h.tenant IS NULL OR held.tenant = h.tenant)
  AND (h.from_time IS NULL OR held.time >= h.from_time) AND (h.to_time IS NULL OR held.time < h.to_time)
  AND (h.principal IS NULL OR held.principal = h.principal OR ${isOwnedBy('h.principal', 'held')})
  AND (h.session IS NULL
    OR EXISTS (SELECT 1 FROM audit_terms t WHERE t.kind = 'session' AND t.value = h.session AND t.position = held.position)
    OR EXISTS (SELECT 1 FROM audit_chain o JOIN audit_terms t ON t.kind = 'session' AND t.value = h.session AND t.position = o.position
      WHERE o.call_id = held.call_id))`;

/** A condition: some hold means the event at this position, or an event of this call. */
export const isHeldAt = (position: string): string =>
  `EXISTS (SELECT 1 FROM holds h JOIN audit_chain held ON held.position = ${position} WHERE ${holds})`;
export const isCallHeld = (callId: string): string =>
  `EXISTS (SELECT 1 FROM holds h JOIN audit_chain held ON held.call_id = ${callId} WHERE ${holds})`;

/** A condition: some hold means an event that names this uploaded file. */
export const isFileHeld = (fileId: string): string =>
  `EXISTS (SELECT 1 FROM audit_terms f WHERE f.kind = 'file' AND f.value = ${fileId} AND ${isHeldAt('f.position')})`;
