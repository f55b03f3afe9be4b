/** What a container engine says of the containers of one server, as it happens. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import { Engine } from '../../src/execution/container/engine.ts';
import { argumentsOf } from './processes.ts';
import type { TestServer } from './server.ts';

export type ContainerAction = 'create' | 'start' | 'die' | 'destroy';

export class ContainerEvents implements Disposable {
  readonly #engine: Engine;
  readonly instance: string;
  readonly #stream: Readable;
  readonly #seen: { readonly action: string; readonly id: string }[] = [];
  #wake = Promise.withResolvers<void>();

  private constructor(engine: Engine, instance: string, stream: Readable) {
    this.#engine = engine;
    this.instance = instance;
    this.#stream = stream;
    const lines = createInterface({ input: stream });
    // An engine that is killed takes its stream with it.
    lines.on('error', () => {});
    lines.on('line', (line) => {
      const { Action, id } = JSON.parse(line) as { Action: string; id: string };
      this.#seen.push({ action: Action, id });
      this.#wake.resolve();
      this.#wake = Promise.withResolvers<void>();
    });
  }

  /** From now on; what happened before is not seen. */
  static async of(server: TestServer, dockerHost: string): Promise<ContainerEvents> {
    const instance = instanceOf(server);
    const engine = new Engine(dockerHost);
    const filters = { type: ['container' as const], label: [`sallyport.instance=${instance}`] };
    // The library's declaration is of the form with a callback as well.
    const stream = (await engine.docker.getEvents({ filters })) as unknown as Readable;
    return new ContainerEvents(engine, instance, stream);
  }

  /** Ids of the containers of which the action was seen, oldest first. */
  of(action: ContainerAction): readonly string[] {
    return this.#seen.filter((event) => event.action === action).map(({ id }) => id);
  }

  /** Resolves with the container's id when the action was seen for the `count`th time. */
  async seen(action: ContainerAction, count = 1): Promise<string> {
    for (;;) {
      const id = this.of(action)[count - 1];
      if (id !== undefined) return id;
      await this.#wake.promise;
    }
  }

  /** Resolves once every container that was created has been removed. */
  async allDestroyed(): Promise<void> {
    while (this.of('create').some((id) => !this.of('destroy').includes(id))) await this.#wake.promise;
  }

  /** Resolves with the container's first process once code of its call runs: a process with these arguments. */
  async runs(id: string, command: string): Promise<number> {
    await this.processes(id, (commands) => commands.includes(command));
    return await this.pid(id);
  }

  /** The container's first process, as the host numbers it. */
  async pid(id: string): Promise<number> {
    return (await this.#engine.docker.getContainer(id).inspect()).State.Pid;
  }

  /** Resolves once the container's processes, each by its arguments, fit. */
  async processes(id: string, fit: (commands: readonly string[]) => boolean): Promise<void> {
    const container = this.#engine.docker.getContainer(id);
    for (;;) {
      const { Processes } = (await container.top()) as { Processes: readonly (readonly string[])[] };
      if (fit(Processes.map((columns) => columns.at(-1) ?? ''))) return;
    }
  }

  /** Runs a command in a container, to its end. */
  async execute(id: string, command: readonly string[]): Promise<void> {
    const exec = await this.#engine.docker
      .getContainer(id)
      .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    stream.resume();
    await new Promise((resolve) => stream.once('end', resolve));
  }

  async kill(id: string): Promise<void> {
    await this.#engine.docker.getContainer(id).kill();
  }

  /** The containers of the server that the engine still has, alive or not. */
  async ids(): Promise<string[]> {
    const filters = { label: [`sallyport.instance=${this.instance}`] };
    return (await this.#engine.docker.listContainers({ all: true, filters })).map(({ Id }) => Id);
  }

  async count(): Promise<number> {
    return (await this.ids()).length;
  }

  [Symbol.dispose](): void {
    this.#stream.destroy();
  }
}

/** What the server's runner calls its containers. */
function instanceOf(server: TestServer): string {
  const given = argumentsOf(server.runnerPid);
  return given[given.indexOf('--instance') + 1] ?? '';
}
