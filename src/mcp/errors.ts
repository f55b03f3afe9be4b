/** Protocol errors: of requests that are no calls, or that no model made. Their messages go to whoever sent the request. */
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';

export function invalidParams(message: string): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message);
}

/** Anything of ours: the request id and nothing else. */
export function internalError(requestId: string): ProtocolError {
  return new ProtocolError(
    ProtocolErrorCode.InternalError,
    `Something went wrong on our side; the request id ${requestId} finds it in the log.`,
  );
}

/** Nothing was done; of a call that is a result of its own. */
export function recordUnavailable(): ProtocolError {
  return new ProtocolError(
    ProtocolErrorCode.InternalError,
    'The record cannot be written or read, so nothing was done. GET /ready says why.',
  );
}
