/** What one endpoint is: enough to serve it, to describe it in OpenAPI and to check it in the coverage test. */
import type { Request, RequestHandler } from 'express';
import type { EventType } from '../audit/events.ts';
import type { Scope } from '../model/principal.ts';
import type { AnswerSchemaName } from './answers/index.ts';
import type { RequestSchemaName } from './schemas.ts';
import type { ProblemCode } from './problem.ts';

export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** Express form: `/v1/calls/:id`, `*path` for the rest of the path. */
  readonly path: string;
  /** Scope that the key needs; null: open to everybody. */
  readonly scope: Scope | null;
  /** Open to everybody, and says more to whom a key shows. A key that is not valid is refused. */
  readonly readsKey?: true;
  /** What a 401 says besides, in `WWW-Authenticate`. */
  readonly challenge?: (request: Request) => string;
  /** Generated clients name their functions after it: it stays, and no other route has it. */
  readonly operationId: string;
  readonly summary: string;
  readonly body?: RequestSchemaName;
  /** Any bytes, which the handler itself reads; says what they are. */
  readonly rawBody?: string;
  /** `application/octet-stream` unless said otherwise. */
  readonly rawBodyMediaType?: string;
  readonly query?: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly enum?: readonly string[];
        /** Regular expression, as JSON Schema has it. */
        readonly pattern?: string;
      }
    >
  >;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly charsMax: number }>>;
  readonly success: {
    readonly status: 200 | 201 | 204;
    readonly description: string;
    /** Its body where that is JSON: of a 202 and of `otherAnswers` too. */
    readonly schema?: AnswerSchemaName;
    /** What a 202 says, where one may come instead. */
    readonly accepted?: string;
    readonly mediaType?: string;
    /** Others that it comes in where the request asks for them. */
    readonly otherMediaTypes?: readonly string[];
  };
  /** Answers in the media type of the success, with other statuses: what each means. */
  readonly otherAnswers?: Readonly<Record<number, string>>;
  readonly problems: readonly ProblemCode[];
  /** Events that a request to this route can leave on the record, refusals included; empty for plain reads. */
  readonly audits: readonly EventType[];
  readonly handler: RequestHandler;
}

/** Turned away while the server has more to do than it can: what callers begin, never what operators do or what ends work. */
export function isShed({ method, scope }: Pick<Route, 'method' | 'scope'>): boolean {
  return scope === 'call' && method !== 'delete';
}
