/**
 * A condition on a row of `approvals`: the chain says that its call was dispatched or ended, whatever the row says.
 * The chain only grows, so a row that other hands put back to pending is not decided a second time.
 */
export const hasLeftWaiting = `EXISTS (SELECT 1 FROM audit_chain WHERE call_id = approvals.call_id AND type IN
  ('intent', 'approval_decided', 'approval_expired', 'approval_voided', 'call_cancelled'))`;
