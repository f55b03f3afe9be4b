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
    const { url } = this.#server;
    const plan: HonestPlan = {
      role: 'honest',
      url,
      tenants: this.#honest,
      connectionsEach: connections.honestEach,
      requestsPerSecondEach,
      seconds,
    };
    return begin(plan).report;
  }

  /** The same beside the flood and the slow client; 200 connections together unless the flood is to have fewer. */
  async all(
    seconds: number,
    floodConnections: number = connections.flood,
  ): Promise<{ honest: Report; flood: Report; slow: Report }> {
    const { url } = this.#server;
    const flood = begin({ role: 'flood', url, tenant: this.#flood, connections: floodConnections });
    const slow = begin({ role: 'slow', url, tenant: this.#slow, connections: connections.slow });
    const honest = await this.honest(seconds);
    flood.end();
    slow.end();
    return { honest, flood: await flood.report, slow: await slow.report };
  }
}

/** Connections that ask without a pause. `answered` resolves when they have that many answers, `report` once the server is gone. */
export function beginEagerly(
  server: TestServer,
  key: string,
  answersMin: number,
): { readonly answered: Promise<unknown>; readonly report: Promise<Report> } {
  const plan = { role: 'eager', url: server.url, key, connections: 200, answersMin } as const;
  const { child } = begin(plan);
  const answered = once(child, 'message');
  const report = answered.then(() => once(child, 'message')).then(([report]) => report as Report);
  return { answered, report };
}

interface Generator {
  readonly child: ChildProcess;
  /** The first thing that it says. */
  readonly report: Promise<Report>;
  end(): void;
}

function begin(plan: Plan): Generator {
  const child = fork(program, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  endWithThisProcess(child);
  child.send(plan);
  const report = once(child, 'message').then(([report]) => report as Report);
  return { child, report, end: () => void child.send('end') };
}
