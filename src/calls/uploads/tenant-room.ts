/**
 * Room for the contents of uploaded files that calls hold: of one tenant and of all. The filter copies what it looks into,
 * so memory is a multiple of it. A tenant has room for the largest call (`runFilesBytesMax`).
 */

export interface FileMemoryLimits {
  readonly bytesMax: number;
  readonly bytesMaxByTenant: number;
}

export const fileMemoryLimits: FileMemoryLimits = {
  bytesMax: 512 * 1024 * 1024,
  bytesMaxByTenant: 256 * 1024 * 1024,
};

export class FileMemory {
  readonly #limits: FileMemoryLimits;
  readonly #byTenant = new Map<string, number>();
  #bytes = 0;

  constructor(limits: FileMemoryLimits = fileMemoryLimits) {
    this.#limits = limits;
  }

  /** Null: there is no room now. Disposing gives it back. */
  take(tenant: string, bytes: number): Disposable | null {
    const own = this.#byTenant.get(tenant) ?? 0;
    const { bytesMax, bytesMaxByTenant } = this.#limits;
    if (this.#bytes + bytes > bytesMax || own + bytes > bytesMaxByTenant) return null;
    this.#bytes += bytes;
    this.#byTenant.set(tenant, own + bytes);
    return {
      [Symbol.dispose]: () => {
        this.#bytes -= bytes;
        const left = (this.#byTenant.get(tenant) ?? bytes) - bytes;
        if (left === 0) this.#byTenant.delete(tenant);
        else this.#byTenant.set(tenant, left);
      },
    };
  }
}
