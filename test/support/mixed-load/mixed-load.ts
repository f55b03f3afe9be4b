/** Honest tenants, a flood and a slow client against a real server, each from a process of its own. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { endWithThisProcess } from '../processes.ts';
import { startServer } from '../server.ts';
import type { TestServer } from '../server.ts';
import type { HonestPlan, Plan, Report, Tenant } from './plan.ts';

export const loadPolicies = join(import.meta.dirname, 'policies');
const program = join(import.meta.dirname, 'generator.ts');

/** Together 200. */
const connections = { honestEach: 15, flood: 130, slow: 10 } as const;
const honestNames = ['north', 'south', 'east', 'west'] as const;
const requestsPerSecondEach = 6;
/** Each connection has been used by then. */
const leadSeconds = 5;

export async function startLoadedServer(
  options: Parameters<typeof startServer>[0] = {},
): Promise<TestServer> {
  return startServer({
    policyDir: loadPolicies,
    ...options,
    environment: { SALLYPORT_WARM_CONTAINERS: 'on', ...options.environment },
  });
}

export class MixedLoad {
  readonly #server: TestServer;
  readonly #honest: readonly Tenant[];
  readonly #flood: Tenant;
  readonly #slow: Tenant;

  private constructor(server: TestServer, honest: readonly Tenant[], flood: Tenant, slow: Tenant) {
    this.#server = server;
    this.#honest = honest;
    this.#flood = flood;
    this.#slow = slow;
  }

  static async prepare(server: TestServer): Promise<MixedLoad> {
    const tenantOf = async (name: string): Promise<Tenant> => {
      const key = await server.keyFor(`agent-of-${name}`, ['agent'], ['call'], name);
      // Its agents were here before: a key that is new comes by turns once its address is that of a flood.
      await server.request('GET', '/v1/tools', { key });
      return { name, key };
    };
    const honest: Tenant[] = [];
    for (const name of honestNames) honest.push(await tenantOf(name));
    return new MixedLoad(server, honest, await tenantOf('flood'), await tenantOf('slow'));
  }

  /** The honest tenants, for so long. */
  async honest(seconds: number): Promise<Report> {
    using generator = await Generator.start();
    await generator.run<'measuring'>(this.#honestPlan(seconds));
    return await generator.next();
  }

  /** The same beside the flood and the slow client; 200 connections together unless the flood is to have fewer. */
  async all(
    seconds: number,
    floodConnections: number = connections.flood,
  ): Promise<{ honest: Report; flood: Report; slow: Report }> {
    const { url } = this.#server;
    using flooding = await Generator.start();
    using slowing = await Generator.start();
    using asking = await Generator.start();
    // Agents of honest tenants are there when it begins: their connections are no part of it.
    await asking.run<'measuring'>(this.#honestPlan(seconds));
    const flood = flooding.run({ role: 'flood', url, tenant: this.#flood, connections: floodConnections });
    const slow = slowing.run({ role: 'slow', url, tenant: this.#slow, connections: connections.slow });
    const honest = await asking.next<Report>();
    flooding.end();
    slowing.end();
    return { honest, flood: await flood, slow: await slow };
  }

  #honestPlan(seconds: number): HonestPlan {
    const { honestEach: connectionsEach } = connections;
    const { url } = this.#server;
    const load = { connectionsEach, requestsPerSecondEach, leadSeconds, seconds };
    return { role: 'honest', url, tenants: this.#honest, ...load };
  }
}

/** Connections that ask without a pause. `answered` resolves when they have that many answers, `report` once the server is gone. */
export async function beginEagerly(
  server: TestServer,
  key: string,
  answersMin: number,
): Promise<{ readonly answered: Promise<unknown>; readonly report: Promise<Report> }> {
  const generator = await Generator.start();
  const plan = { role: 'eager', url: server.url, key, connections: 200, answersMin } as const;
  const answered = generator.run<'answered'>(plan);
  return { answered, report: answered.then(() => generator.next<Report>()) };
}

/** A process that could begin at once: how long processes take to start is no part of any load. */
class Generator implements Disposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<Generator> {
    const child = fork(program, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    endWithThisProcess(child);
    const generator = new Generator(child);
    await generator.next<'ready'>();
    return generator;
  }

  /** Resolves with the first thing that it says then. */
  run<Said = Report>(plan: Plan): Promise<Said> {
    this.#child.send(plan);
    return this.next<Said>();
  }

  async next<Said>(): Promise<Said> {
    const [said] = await once(this.#child, 'message');
    return said as Said;
  }

  end(): void {
    this.#child.send('end');
  }

  /** Does nothing to one that has ended by itself. */
  [Symbol.dispose](): void {
    this.#child.kill();
  }
}
