/** The compose deployment, brought up as an operator does: a project of its own, its own copy of the policies. */
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { command, docker, dockerLines } from './docker.ts';
import { freePort } from './free-port.ts';
import { repository } from './server.ts';
import type { Answer } from './server.ts';

export type Service = 'api' | 'runner' | 'redis' | 'postgres';

export class ComposeStack implements AsyncDisposable {
  readonly project = `sallyport-${randomUUID()}`;
  /** Where the policies lie that api and runner have mounted. */
  readonly policies: string;
  readonly url: string;
  readonly #folder: string;
  readonly #environment: NodeJS.ProcessEnv;
  #key: string | null = null;

  private constructor(port: number, image: string) {
    this.#folder = mkdtempSync(path.join(tmpdir(), 'sallyport-compose-'));
    this.policies = path.join(this.#folder, 'policies');
    cpSync(path.join(repository, 'policies'), this.policies, { recursive: true });
    this.url = `http://127.0.0.1:${port}`;
    const engine = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';
    this.#environment = {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DOCKER_HOST: process.env['DOCKER_HOST'],
      COMPOSE_PROJECT_NAME: this.project,
      SALLYPORT_ENGINE_SOCKET: engine.replace('unix://', ''),
      SALLYPORT_IMAGE: image,
      SALLYPORT_POLICIES: this.policies,
      SALLYPORT_PUBLISHED_PORT: String(port),
      SALLYPORT_WARM_CONTAINERS: 'off',
    };
  }

  static async create(image: string): Promise<ComposeStack> {
    return new ComposeStack(await freePort(), image);
  }

  /** Compose v2 where docker has it, else 1.29. */
  async compose(...args: readonly string[]): Promise<string> {
    const hasPlugin = await docker('compose', 'version').then(
      () => true,
      () => false,
    );
    const [program, first] = hasPlugin ? ['docker', ['compose']] : ['docker-compose', []];
    return command(program, [...first, ...args], { cwd: repository, env: this.#environment });
  }

  async up(): Promise<void> {
    await this.compose('up', '--detach', '--no-build', '--remove-orphans');
  }

  /** The container of a service that was started and not taken down. */
  async container(service: Service | 'images' | 'secrets'): Promise<string> {
    const labels = [`project=${this.project}`, `service=${service}`];
    const filters = labels.flatMap((label) => ['--filter', `label=com.docker.compose.${label}`]);
    const [id] = await dockerLines('ps', '--all', '--quiet', '--no-trunc', ...filters);
    if (id === undefined) throw new Error(`there is no container of ${service}`);
    return id;
  }

  /** What the expression gives in a service's container. */
  async evaluate(service: Service, expression: string): Promise<string> {
    return docker('exec', await this.container(service), 'node', '-p', expression);
  }

  /** `kill -9` of its first process, as a crash would end it: the engine starts it again. */
  async crash(service: Service): Promise<void> {
    const pid = await docker('inspect', '--format', '{{.State.Pid}}', await this.container(service));
    process.kill(Number(pid), 'SIGKILL');
  }

  /** One request with the bootstrap key. */
  async request(
    method: string,
    target: string,
    options: { readonly body?: unknown; readonly headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    this.#key ??= await this.evaluate('api', 'fs.readFileSync("bootstrap.key", "utf8").trim()');
    const response = await fetch(this.url + target, {
      method,
      headers: {
        Authorization: `Bearer ${this.#key}`,
        'Content-Type': 'application/json',
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  async call(tool: string, args: object, more: object = {}): Promise<Answer> {
    return this.request('POST', '/v1/calls', { body: { tool, args, ...more } });
  }

  /** What `/ready` says, with reasons and details once somebody answers to the bootstrap key; null while nobody does. */
  async ready(): Promise<Readiness | null> {
    const answer = await this.request('GET', '/ready').catch(() => null);
    return answer === null ? null : (answer.body as Readiness);
  }

  /** Everything that the engine has of this project: containers, networks, volumes (those without a name as well). */
  async left(): Promise<readonly string[]> {
    const own = ['--filter', `label=com.docker.compose.project=${this.project}`];
    const sandboxes = ['--filter', `label=sallyport.instance=${this.project}`];
    const lists = await Promise.all([
      dockerLines('ps', '--all', '--quiet', ...own),
      dockerLines('ps', '--all', '--quiet', ...sandboxes),
      dockerLines('network', 'ls', '--quiet', ...own),
      dockerLines('volume', 'ls', '--quiet', ...own),
    ]);
    const [containers] = lists;
    const mounts = '{{range .Mounts}}{{println .Name}}{{end}}';
    const mounted =
      containers.length === 0 ? [] : await dockerLines('inspect', '--format', mounts, ...containers);
    return [...new Set([...lists.flat(), ...mounted])];
  }

  async down(): Promise<void> {
    await this.compose('down', '--volumes', '--remove-orphans');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    rmSync(this.#folder, { recursive: true });
  }
}

interface Readiness {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly dependencies: readonly Dependency[];
}

export interface Dependency {
  readonly name: string;
  readonly state: 'ok' | 'degraded' | 'down';
  readonly reason: string | null;
  readonly details?: Readonly<Record<string, unknown>>;
}
