/** Variables of policy expressions other than `args`, as the evaluator takes them. */
import type { Principal } from '../../model/principal.ts';
import type { SessionFacts } from '../../model/taint.ts';
import type { Tool } from '../../model/tool.ts';

/** What every expression may name. `run` and `const` are not declared: using them is a compile error. */
export interface Variables {
  readonly principal: PrincipalValue;
  readonly tenant: string;
  readonly tool: ToolValue;
  readonly args: unknown;
  readonly session: SessionValue;
  readonly request: RequestValue;
}

export const variableNames = Object.freeze([
  'principal',
  'tenant',
  'tool',
  'args',
  'session',
  'request',
] as const);

export class PrincipalValue {
  readonly id: string;
  readonly tenant: string;
  readonly roles: readonly string[];
  readonly attributes: unknown;

  constructor(principal: Principal) {
    this.id = principal.id;
    this.tenant = principal.tenant;
    this.roles = principal.roles;
    this.attributes = principal.attributes;
  }
}

export class ToolValue {
  readonly name: string;
  readonly labels: readonly string[];

  constructor(tool: Pick<Tool, 'name' | 'labels'>) {
    this.name = tool.name;
    this.labels = tool.labels;
  }
}

export class SessionValue {
  readonly taints: readonly string[];
  readonly callCount: bigint;
  readonly ageMs: bigint;

  constructor({ taints, callCount, ageMs }: SessionFacts) {
    this.taints = taints;
    this.callCount = BigInt(callCount);
    this.ageMs = BigInt(ageMs);
  }
}

export class RequestValue {
  /** Peer address; `local` for calls made inside the process, which `ip()` refuses. */
  readonly ip: string;
  readonly #timeMs: number;

  constructor(ip: string, timeMs: number) {
    this.ip = ip;
    this.#timeMs = timeMs;
  }

  get time(): Date {
    return new Date(this.#timeMs);
  }
}
