/**
 * One isolate for one call, made ready ahead of it: bootstrap done, guest code not yet there.
 * Hostile: the guest's code and whatever it does inside. What protects the worker: only strings and numbers cross,
 * through one callback; the guest's module is linked by us and can reach no other; a deadline is not kept here at
 * all (a guest can outlive any timer of isolated-vm), the runner kills the process.
 */
import type { Callback, Context, Isolate, Module } from 'isolated-vm';
import { guestErrorFrom, platformFileName } from './guest-error.ts';
import type { GuestHost } from './guest-host.ts';
import { callbackName } from './guest-sources.ts';
import type { GuestSources } from './guest-sources.ts';
import { StripperBroken } from './strip-types.ts';
import { compileTool, ToolRefused } from './tool-module.ts';
import type { ToolSource } from './tool-module.ts';

/** The addon's own exports: loaded by path, because nothing else of its package is readable here. */
export interface IsolateAddonExports {
  readonly Isolate: new (options: { memoryLimit: number }) => Isolate;
  readonly Callback: new (callback: (...values: unknown[]) => unknown) => Callback;
}

export class PreparedIsolate implements Disposable {
  readonly memoryMiB: number;
  readonly #isolate: Isolate;
  readonly #context: Context;
  readonly #bootstrap: Module;
  #host: GuestHost | null = null;

  /** `memoryMiB`: V8's heap; isolated-vm takes no less than 8. */
  constructor(addon: IsolateAddonExports, sources: GuestSources, memoryMiB: number) {
    this.memoryMiB = memoryMiB;
    this.#isolate = new addon.Isolate({ memoryLimit: Math.max(8, memoryMiB) });
    this.#context = this.#isolate.createContextSync();
    const callback = new addon.Callback((operation, ...values) => this.#answer(operation, values));
    this.#context.global.setSync(callbackName, callback);
    this.#bootstrap = this.#isolate.compileModuleSync(sources.bootstrap, { filename: platformFileName });
    this.#bootstrap.instantiateSync(this.#context, refuseImport);
    this.#bootstrap.evaluateSync();
  }

  /** Runs the tool to its outcome, which `host` then holds. Does not return while the guest loops. */
  run(tool: ToolSource, host: GuestHost): void {
    this.#host = host;
    try {
      this.#runToOutcome(tool, host);
    } catch (error) {
      // The runner kills the process of whoever runs out of memory: what the parser left behind goes with it.
      if (this.#isolate.isDisposed || error instanceof StripperBroken) host.settle({ kind: 'out_of_memory' });
      else if (error instanceof ToolRefused) host.settle({ kind: 'threw', error: error.guestError });
      else host.settle({ kind: 'threw', error: guestErrorFrom(error) });
    }
  }

  /** What its heap takes now; 0 once it is gone. */
  get heapBytes(): number {
    return this.#isolate.isDisposed ? 0 : this.#isolate.getHeapStatisticsSync().total_heap_size;
  }

  [Symbol.dispose](): void {
    if (!this.#isolate.isDisposed) this.#isolate.dispose();
  }

  /** Guest and worker share one stack: a guest that has used it up makes our own calls overflow, here and there. */
  #answer(operation: unknown, values: readonly unknown[]): unknown {
    try {
      return this.#host?.call(operation, values);
    } catch {
      return undefined;
    }
  }

  #runToOutcome(tool: ToolSource, host: GuestHost): void {
    const compiler = { isolate: this.#isolate, context: this.#context, bootstrap: this.#bootstrap };
    if (host.grantsWebAssembly) evaluate(this.#compileEntry('grantWebAssembly'));
    const entry = compileTool(compiler, tool);
    evaluate(entry);
    while (host.outcome === null && host.timers.waitForNext()) evaluate(this.#compileEntry('fire'));
    if (host.outcome !== null) return;
    // A module that failed after its own top-level await tells so when it is evaluated again.
    evaluate(entry);
    host.settle({
      kind: 'threw',
      error: {
        name: 'Error',
        message: 'the returned promise can never settle: nothing is left that could settle it',
      },
    });
  }

  /** A module of its own for each entry: the guest cannot name the bootstrap, so it cannot call this. */
  #compileEntry(name: 'fire' | 'grantWebAssembly'): Module {
    const module = this.#isolate.compileModuleSync(`import { ${name} } from 'bootstrap'; ${name}();`, {
      filename: platformFileName,
    });
    module.instantiateSync(this.#context, () => this.#bootstrap);
    return module;
  }
}

/** Evaluates and lets microtasks run. A module's promise is ours to look after, or its rejection would end the worker. */
function evaluate(module: Module): void {
  const settled: unknown = module.evaluateSync();
  if (settled instanceof Promise) settled.catch(() => {});
}

function refuseImport(specifier: string): never {
  throw new Error(`the bootstrap imports nothing, not even ${specifier}`);
}
