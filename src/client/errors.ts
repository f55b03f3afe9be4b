/** What can come of a request instead of an answer, each as a class of its own. */
import type { Call } from '../model/call.ts';
import type { NearestCall } from '../model/decision.ts';

/** RFC 9457, with the fields that Sallyport adds. Which of the further ones are there depends on `code`. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly requestId: string;
  readonly retryable: boolean;
  readonly callId?: string;
  /** `malformed_request` and `invalid_arguments`: everything that is wrong. */
  readonly errors?: readonly {
    readonly pointer: string;
    readonly message: string;
    readonly keyword?: string;
    readonly didYouMean?: string;
  }[];
  /** `policy_denied`. */
  readonly policy?: string | null;
  readonly rule?: string | null;
  readonly reasons?: readonly string[];
  readonly nearest?: NearestCall;
  /** `quota_exceeded`. */
  readonly quota?: string;
  readonly limit?: number;
  readonly windowMs?: number;
  readonly retryAfterMs?: number;
  readonly didYouMean?: string;
  readonly [field: string]: unknown;
}

/** All that this client throws of its own. */
export class SallyportError extends Error {
  override readonly name: string = 'SallyportError';
}

/** No answer: nobody listens, the line broke, the time was up. Whether a call ran is not known. */
export class ConnectionFailed extends SallyportError {
  override readonly name = 'ConnectionFailed';
}

/** The answer is not one of a Sallyport server. */
export class UnexpectedAnswer extends SallyportError {
  override readonly name = 'UnexpectedAnswer';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The server refused the request. It ran nothing. */
export class RequestRefused extends SallyportError {
  override readonly name: string = 'RequestRefused';
  readonly problem: ProblemDocument;

  constructor(problem: ProblemDocument) {
    super(describe(problem));
    this.problem = problem;
  }

  get code(): string {
    return this.problem.code;
  }
  get status(): number {
    return this.problem.status;
  }
  /** What support asks for. */
  get requestId(): string {
    return this.problem.requestId;
  }
}

/** 403: no rule allows it, or one denies it. `problem.nearest` says what would be allowed. */
export class PolicyDenied extends RequestRefused {
  override readonly name = 'PolicyDenied';
}

/** 422: the arguments do not fit the tool, or the boundary blocks them. */
export class ArgumentsRefused extends RequestRefused {
  override readonly name = 'ArgumentsRefused';
}

/** 429: too many requests, or a quota is used up. */
export class LimitReached extends RequestRefused {
  override readonly name = 'LimitReached';

  /** Milliseconds after which it may be tried again; null where the server does not say. */
  get retryAfterMs(): number | null {
    return this.problem.retryAfterMs ?? null;
  }
}

/** 401 and 403: the key is none, or lacks a scope. */
export class Unauthorized extends RequestRefused {
  override readonly name = 'Unauthorized';
}

/** 404: there is no such thing, or it is not yours. */
export class NotFound extends RequestRefused {
  override readonly name = 'NotFound';
}

/** 409 and 410: the session is busy, over, or of another image. */
export class SessionUnavailable extends RequestRefused {
  override readonly name = 'SessionUnavailable';
}

/** 503: the server cannot serve now. */
export class ServerUnavailable extends RequestRefused {
  override readonly name = 'ServerUnavailable';
}

/** The call ended in another way than `succeeded`. */
export class CallFailed extends SallyportError {
  override readonly name = 'CallFailed';
  readonly call: Call;

  constructor(call: Call) {
    super(describeEnd(call));
    this.call = call;
  }
}

/** The call waits for a person. `calls.wait(call.id)` waits with it. */
export class ApprovalPending extends SallyportError {
  override readonly name = 'ApprovalPending';
  readonly call: Call;

  constructor(call: Call) {
    super(`${call.tool} waits for approval until ${call.approval?.expiresAt ?? 'it expires'}`);
    this.call = call;
  }
}

type RefusalClass = new (problem: ProblemDocument) => RequestRefused;

const classes: Readonly<Record<string, RefusalClass>> = {
  policy_denied: PolicyDenied,
  invalid_arguments: ArgumentsRefused,
  arguments_blocked: ArgumentsRefused,
  limit_exceeds_policy: ArgumentsRefused,
  rate_limited: LimitReached,
  quota_exceeded: LimitReached,
  unauthenticated: Unauthorized,
  insufficient_scope: Unauthorized,
  not_found: NotFound,
  unknown_tool: NotFound,
  session_busy: SessionUnavailable,
  session_image_mismatch: SessionUnavailable,
  session_ended: SessionUnavailable,
};

export function refusalOf(problem: ProblemDocument): RequestRefused {
  const { code, status } = problem;
  const Refusal = Object.hasOwn(classes, code) ? classes[code] : undefined;
  if (Refusal !== undefined) return new Refusal(problem);
  return status === 503 ? new ServerUnavailable(problem) : new RequestRefused(problem);
}

function describe({ code, title, detail, errors = [] }: ProblemDocument): string {
  const lines = errors.map(({ pointer, message, didYouMean }) => {
    const hint = didYouMean === undefined ? '' : ` (did you mean ${didYouMean}?)`;
    return `\n  ${pointer || '(body)'}: ${message}${hint}`;
  });
  return errors.length === 0 ? `${code}: ${detail}` : `${code}: ${title}${lines.join('')}`;
}

function describeEnd({ tool, status, error, approval }: Call): string {
  if (error !== null) return `${tool} ${status}: ${error.name}: ${error.message}`;
  const reason = approval?.reason ?? null;
  return reason === null ? `${tool} ended as ${status}` : `${tool} ${status}: ${reason}`;
}
