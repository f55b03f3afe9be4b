/** Jobs that wait for one thread: tenants take turns, jobs of one tenant keep their order. Bounded, in all and for each. */

export interface JobQueueLimits {
  readonly lengthMax: number;
  readonly tenantLengthMax: number;
}

export class JobQueue<Job extends { readonly tenant: string }> {
  readonly #limits: JobQueueLimits;
  /** In the order of their turns. Only tenants with something waiting are here. */
  readonly #waiting = new Map<string, Job[]>();
  #length = 0;

  constructor(limits: JobQueueLimits) {
    this.#limits = limits;
  }

  /** False when the queue, or the tenant's part of it, is full. */
  push(job: Job): boolean {
    const own = this.#waiting.get(job.tenant) ?? [];
    if (this.#length >= this.#limits.lengthMax || own.length >= this.#limits.tenantLengthMax) return false;
    own.push(job);
    this.#waiting.set(job.tenant, own);
    this.#length += 1;
    return true;
  }

  /** The next one; its tenant's next turn comes after everyone else's. */
  shift(): Job | undefined {
    for (const [tenant, jobs] of this.#waiting) {
      const job = jobs.shift();
      this.#waiting.delete(tenant);
      if (jobs.length > 0) this.#waiting.set(tenant, jobs);
      this.#length -= 1;
      return job;
    }
    return undefined;
  }
}
