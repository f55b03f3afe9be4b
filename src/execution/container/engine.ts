/** The connection to a container engine: its address, the API version both sides speak, and whether it is there. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import Docker from 'dockerode';

import type { EngineRuntime } from '../../model/tool.ts';

import { engineRequestTimeoutMs } from './limits.ts';
import { isLower, readRunscRelease, runcWarning, runscWarning } from './runtime-versions.ts';

/** Docker Engine API versions that this room was written for; the highest that the engine also speaks is used. */
const apiVersionMin = '1.41';
const apiVersionMax = '1.47';
export interface EngineFacts {
  readonly version: string;
  readonly apiVersion: string;
  /** Of the engine's machine, as Node names it: `x64`, `arm64`. */
  readonly architecture: string;
  readonly runcVersion: string | null;
  readonly runtimes: readonly string[];
  /** Where the engine finds `runsc`; null without it. */
  readonly runscPath: string | null;
  /** A date; null without runsc, or where its program is not on this machine. */
  readonly runscRelease: string | null;
  /** What is known against the versions of the engine's runtimes; null: nothing. */
  readonly objections: Readonly<Record<EngineRuntime, string | null>>;
  readonly cgroupDriver: string;
  readonly cgroupVersion: string;
  readonly hasSeccomp: boolean;
  /** What an operator has to know of this engine; empty when all is well. */
  readonly warnings: readonly string[];
}

/** The engine cannot be used; the message says what to do. */
export class EngineUnavailable extends Error {
  override readonly name = 'EngineUnavailable';
}

export class Engine {
  readonly docker: Docker;
  /** As an operator would write it in DOCKER_HOST. */
  readonly address: string;
  #facts: Promise<EngineFacts> | null = null;

  /** `dockerHost`: the value of DOCKER_HOST, `unix://…` or `tcp://host:port`; null for the default socket. */
  constructor(dockerHost: string | null) {
    this.address = dockerHost ?? `unix://${defaultSocket()}`;
    this.docker = new Docker(connectionOptions(this.address));
  }

  /** What the engine says of itself, asked once. Throws EngineUnavailable; then it is asked again the next time. */
  async facts(): Promise<EngineFacts> {
    this.#facts ??= this.#negotiate();
    try {
      return await this.#facts;
    } catch (error) {
      this.#facts = null;
      throw error;
    }
  }

  /** Throws EngineUnavailable unless the engine answers now. */
  async ping(): Promise<EngineFacts> {
    const facts = await this.facts();
    try {
      await bounded(this.docker.ping());
    } catch (error) {
      this.#facts = null;
      throw this.#unavailable(error);
    }
    return facts;
  }

  #unavailable(cause: unknown): EngineUnavailable {
    return new EngineUnavailable(
      `no container engine answers at ${this.address}: start Docker, run ./scripts/setup-docker, or set DOCKER_HOST`,
      { cause },
    );
  }

  async #negotiate(): Promise<EngineFacts> {
    let version: Docker.DockerVersion;
    let info: EngineInfo;
    try {
      version = await bounded(this.docker.version());
      info = (await bounded(this.docker.info())) as EngineInfo;
    } catch (error) {
      throw this.#unavailable(error);
    }
    const apiVersion = lower(version.ApiVersion, apiVersionMax);
    if (isLower(apiVersion, apiVersionMin) || isLower(apiVersion, version.MinAPIVersion)) {
      throw new EngineUnavailable(
        `the engine at ${this.address} speaks API ${version.MinAPIVersion} to ${version.ApiVersion}; ${apiVersionMin} to ${apiVersionMax} is supported (Docker 20.10 and later)`,
      );
    }
    (this.docker.modem as { version?: string }).version = `v${apiVersion}`;
    const runscPath = info.Runtimes?.['runsc']?.path ?? null;
    const runscRelease = runscPath === null ? null : await readRunscRelease(runscPath);
    return describe(version, info, { apiVersion, runscPath, runscRelease });
  }
}

/** The part of `GET /info` that is used; the library leaves it untyped. */
interface EngineInfo {
  readonly Runtimes?: Record<string, { readonly path?: string }>;
  readonly CgroupDriver?: string;
  readonly CgroupVersion?: string;
  readonly SecurityOptions?: readonly string[];
}

function describe(
  version: Docker.DockerVersion,
  info: EngineInfo,
  found: Pick<EngineFacts, 'apiVersion' | 'runscPath' | 'runscRelease'>,
): EngineFacts {
  const runc = version.Components?.find((component) => component.Name === 'runc')?.Version ?? null;
  const runcVersion = runc === null ? null : (/\d+(\.\d+)+/.exec(runc)?.[0] ?? null);
  const hasSeccomp = (info.SecurityOptions ?? []).some((option) => option.includes('seccomp'));
  const warnings: string[] = [];
  const objections = {
    runc: runcVersion === null ? null : runcWarning(runcVersion),
    runsc: found.runscPath === null ? null : runscWarning(found.runscRelease),
  };
  for (const objection of Object.values(objections)) if (objection !== null) warnings.push(objection);
  if (!hasSeccomp) warnings.push('the engine has no seccomp: system calls of sandboxes are not filtered');
  return {
    version: version.Version,
    ...found,
    architecture: version.Arch === 'amd64' ? 'x64' : version.Arch,
    runcVersion,
    runtimes: Object.keys(info.Runtimes ?? {}),
    objections,
    cgroupDriver: info.CgroupDriver ?? 'unknown',
    cgroupVersion: info.CgroupVersion ?? '1',
    hasSeccomp,
    warnings,
  };
}

/** A request that the engine has to answer in time. Rejects when it does not. */
export async function bounded<T>(request: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('the engine does not answer')), engineRequestTimeoutMs);
  try {
    return await Promise.race([request, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The engine's HTTP status, or null when it did not answer. */
export function statusOf(error: unknown): number | null {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : null;
}

function lower(left: string, right: string): string {
  return isLower(left, right) ? left : right;
}

function defaultSocket(): string {
  const ofUser = path.join(homedir(), '.docker', 'run', 'docker.sock');
  return !existsSync('/var/run/docker.sock') && existsSync(ofUser) ? ofUser : '/var/run/docker.sock';
}

/** Host and port are always set, so that the library does not look into the environment by itself. */
function connectionOptions(address: string): Docker.DockerOptions {
  const url = URL.parse(address);
  if (url?.protocol === 'unix:' && url.pathname.length > 1) {
    return { socketPath: decodeURIComponent(url.pathname), host: undefined, port: undefined };
  }
  if (url?.protocol === 'tcp:' && url.hostname !== '' && url.port !== '') {
    return { protocol: 'http', host: url.hostname, port: Number(url.port) };
  }
  throw new RangeError(`DOCKER_HOST is ${address}: unix:///path/to/socket or tcp://host:port is supported`);
}
