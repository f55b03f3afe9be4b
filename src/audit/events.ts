/** The catalogue: every kind of event that the record can hold, and what it says. */
export const eventCatalogue = {
  intent: 'A call was decided and is about to run. Durable before anything runs.',
  outcome: 'A call ended. Durable before its result leaves.',
  not_started: 'A recorded intent, or a call that waited for its turn, provably ran nothing.',
  denied: 'Policy refused a call.',
  invalid: 'A call was refused for its arguments, limits or an unknown tool.',
  quota_exceeded: 'A call was refused because a quota was used up, or could not be counted.',
  queued:
    'A call waits for its turn, and its caller was told so. Durable before it is answered; the intent follows.',
  approval_requested:
    'A call waits for a person: who, what, under which rules, until when. Durable before it is answered.',
  approval_decided:
    'A person approved or rejected a waiting call. An approval stands together with its intent.',
  approval_expired: 'Nobody decided in time; the call ran nothing.',
  approval_voided: 'An approval no longer fits what would run now; the call ran nothing.',
  call_cancelled: 'A caller took a waiting call back, or asked for a running one to be ended.',
  egress: 'The server itself sent something out, and what became of it.',
  decoy_tripped:
    'Critical: a decoy credential was in arguments or in output. Somebody went where nobody has a reason to go.',
  tainted: 'A running call printed what taints its caller. Durable before that print leaves.',
  session_opened: 'A container was set apart for one principal: image, limits, until when.',
  session_closed: 'It was given up, with all that it held, and why.',
  file_written:
    'A file was uploaded for calls or removed again, or a file of a session was put or removed from outside of its code.',
  file_read:
    'Somebody fetched a file of a session, the names of its files, or a file that they had uploaded.',
  key_created: 'An API key was made.',
  key_revoked: 'An API key was revoked.',
  scope_denied: 'A caller used a route that its key has no scope for.',
  login_failed: 'Unauthenticated requests, one row an address prefix and minute.',
  policy_activated: 'A policy revision became the one that decides.',
  policy_rejected: 'A policy directory had mistakes; the revision before it goes on deciding.',
  block_added: 'An operator blocked calls at once: what, whose, why and until when.',
  block_removed: 'An operator ended a block before its time.',
  checkpoint: 'Signed: where every chain stood.',
  chain_key_rotated: 'Signed with the key until now: the key that signs from here on.',
  started: 'A server process started: version, config digest, confinement.',
  stopped: 'A server process ended in an orderly way.',
  quota_store_changed: 'The store that counts quotas for several processes was lost, or is back.',
  runner_lost: 'The runner process went away.',
  sandbox_orphan_removed:
    'Containers that nobody waited for were removed: what a killed runner or a lost engine left.',
  erased:
    'Content was taken out of the record: what, for what reason, by whom. Once for the whole, once for each call.',
  erasure_refused: 'Somebody asked for an erasure that the rules forbid.',
  hold_set: 'Content was protected from erasure and age.',
  hold_released: 'A hold stands no longer.',
  purged: 'Content, files and keys that were past their time were removed.',
  backup: 'The record was copied to a back-up.',
  exported: 'Somebody exported the record, or a part of it.',
  audit_read: 'Somebody read the record.',
  artifact_read: 'Somebody fetched an artifact.',
} as const;

export type EventType = keyof typeof eventCatalogue;
