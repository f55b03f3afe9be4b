/** Inside the isolate: the asynchronous half of `WebAssembly`, which the engine would finish on threads that nobody runs here. */
export function defineWebAssembly(): Record<string, unknown> {
  interface Engine {
    readonly Module: new (bytes: unknown) => object;
    readonly Instance: new (module: object, imports: unknown) => object;
  }
  const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;
  const { Module, Instance } = engine;

  async function compile(bytes: unknown): Promise<object> {
    return new Module(bytes);
  }

  async function instantiate(source: unknown, imports?: unknown): Promise<object> {
    if (source instanceof Module) return new Instance(source, imports);
    const module = new Module(source);
    return { module, instance: new Instance(module, imports) };
  }

  Object.assign(engine, { compile, instantiate });
  return {};
}
