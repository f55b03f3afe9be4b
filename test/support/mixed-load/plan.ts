/** What a process of the mixed load is told, and what it tells when it is over. */

export interface Tenant {
  readonly name: string;
  readonly key: string;
}

export interface HonestPlan {
  readonly role: 'honest';
  readonly url: string;
  readonly tenants: readonly Tenant[];
  readonly connectionsEach: number;
  /** Requests begin at fixed times, whatever became of those before. */
  readonly requestsPerSecondEach: number;
  /** They are there for so long before anything is measured; then it says `measuring`. */
  readonly leadSeconds: number;
  readonly seconds: number;
}

export interface FloodPlan {
  readonly role: 'flood';
  readonly url: string;
  readonly tenant: Tenant;
  readonly connections: number;
}

export interface SlowPlan {
  readonly role: 'slow';
  readonly url: string;
  readonly tenant: Tenant;
  readonly connections: number;
}

export interface EagerPlan {
  readonly role: 'eager';
  readonly url: string;
  readonly key: string;
  readonly connections: number;
  /** After so many it says `answered`. */
  readonly answersMin: number;
}

export type Plan = HonestPlan | FloodPlan | SlowPlan | EagerPlan;

/** One request of an honest tenant. */
export interface Sample {
  readonly tenant: string;
  readonly kind: string;
  /** When it was due, counted from the first that is measured, and how long after that its answer was there, milliseconds. */
  readonly atMs: number;
  readonly ms: number;
  /** Of a call that was answered with its end. */
  readonly course?: Course | undefined;
}

/** What the server says of a call: what it waited for, and what its run took, milliseconds; whether its sandbox stood ready. */
export interface Course {
  readonly queueMs: number;
  readonly wallMs: number;
  readonly isWarm: boolean;
}

export interface Acknowledged {
  readonly id: string;
  readonly status: string;
}

export interface Report {
  /** By tenant and status; `lost`: the connection ended before an answer. */
  readonly statuses: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly samples: readonly Sample[];
  /** What was not answered as an honest tenant may expect. */
  readonly failures: readonly string[];
  /** Calls that were answered with their end. */
  readonly acknowledged: readonly Acknowledged[];
}

/** Gathers a report. */
export class Tally {
  readonly #statuses = new Map<string, Map<string, number>>();
  readonly samples: Sample[] = [];
  readonly failures: string[] = [];
  readonly acknowledged: Acknowledged[] = [];

  count(tenant: string, status: string | number): void {
    const own = this.#statuses.get(tenant) ?? new Map<string, number>();
    this.#statuses.set(tenant, own);
    own.set(String(status), (own.get(String(status)) ?? 0) + 1);
  }

  report(): Report {
    const statuses = Object.fromEntries(
      [...this.#statuses].map(([tenant, counts]) => [tenant, Object.fromEntries(counts)]),
    );
    const { samples, failures, acknowledged } = this;
    return { statuses, samples, failures, acknowledged };
  }
}
