/**
 * A container engine of the test's own, beside the one that other tests use, so that it may be killed: dockerd with
 * its own socket, data and containerd, and no network. Needs root.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { Engine } from '../../src/execution/container/engine.ts';
import { toolImagePlan } from '../../src/execution/container/image-plan.ts';
import { dockerHost, imagesDirectory } from './container-calls.ts';
import type { ShippedImage } from './container-calls.ts';
import { argumentsOf, endWithThisProcess, gone } from './processes.ts';

export class PrivateEngine implements AsyncDisposable {
  /** Value for DOCKER_HOST. */
  readonly address: string;
  readonly #folder: string;
  #daemon: ChildProcess | null = null;

  private constructor(folder: string) {
    this.#folder = folder;
    this.address = `unix://${folder}/docker.sock`;
  }

  /** Starts an engine that has these images, which the engine of DOCKER_HOST must have. */
  static async start(...images: readonly ShippedImage[]): Promise<PrivateEngine> {
    const engine = new PrivateEngine(mkdtempSync(path.join(tmpdir(), 'engine-')));
    // Not the machine's own /etc/docker/daemon.json: it may bring runtimes, mirrors and addresses.
    writeFileSync(engine.#file('daemon.json'), '{}');
    try {
      await engine.up();
      for (const image of images) await engine.#copyImage(toolImagePlan(imagesDirectory, image).tag);
      return engine;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts dockerd, anew after a kill; resolves when it listens. */
  async up(): Promise<void> {
    rmSync(this.#file('dockerd.pid'), { force: true });
    // In a network of its own: `--bridge=none` removes the machine's docker0, which the engine of DOCKER_HOST builds over.
    const daemon = spawn(
      'unshare',
      [
        '--net',
        'dockerd',
        `--config-file=${this.#file('daemon.json')}`,
        `--host=${this.address}`,
        `--data-root=${this.#file('data')}`,
        `--exec-root=${this.#file('exec')}`,
        `--pidfile=${this.#file('dockerd.pid')}`,
        '--bridge=none',
        '--iptables=false',
        '--ip6tables=false',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#daemon = daemon;
    endWithThisProcess(daemon);
    let words = '';
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: daemon.stderr }).on('line', (line) => {
        words = line;
        if (line.includes('API listen on')) resolve();
      });
      daemon.once('error', reject);
      daemon.once('exit', (code) => reject(new Error(`dockerd ended with ${code}: ${words}`)));
    });
  }

  /** `kill -9` of dockerd; its containerd dies with it, the shims and containers live on. */
  async kill(): Promise<void> {
    const containerd = Number(readFileSync(this.#file('exec/containerd/containerd.pid'), 'utf8'));
    await this.#end('SIGKILL');
    await gone(containerd);
  }

  /** From here on dockerd is there and says nothing; SIGCONT wakes it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#daemon?.kill(signal);
  }

  /** The process between containerd and the container. */
  shimOf(containerId: string): number {
    const shim = processIds().find((pid) => isShim(pid, (given) => given === containerId));
    if (shim === undefined) throw new Error(`container ${containerId} has no shim`);
    return shim;
  }

  /** Also after a kill: a dockerd that starts knows best what the one before left running. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGCONT');
    try {
      if (this.#daemon === null) await this.up();
      const { docker } = new Engine(this.address);
      for (const { Id } of await docker.listContainers({ all: true }))
        await docker.getContainer(Id).remove({ force: true });
    } finally {
      await this.#end('SIGTERM');
      // One that was started as dockerd was killed belongs to no container that the next dockerd knows.
      for (const shim of processIds().filter((pid) => isShim(pid, (given) => given.startsWith(this.#folder))))
        process.kill(shim, 'SIGKILL');
      for (const mount of this.#mounts()) execFileSync('umount', ['--lazy', mount]);
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  async #copyImage(tag: string): Promise<void> {
    const image = await new Engine(dockerHost).docker.getImage(tag).get();
    const loading = await new Engine(this.address).docker.loadImage(image);
    loading.resume();
    await new Promise((resolve, reject) => loading.once('end', resolve).once('error', reject));
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = null;
    if (daemon === null || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const exited = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill(signal);
    // A stopped process takes other signals only once it goes on.
    daemon.kill('SIGCONT');
    await exited;
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }

  #mounts(): string[] {
    return readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((mount) => mount.startsWith(this.#folder))
      .toReversed();
  }
}

function processIds(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
}

function isShim(pid: number, isMeant: (argument: string) => boolean): boolean {
  try {
    const [program, ...given] = argumentsOf(pid);
    return program?.includes('containerd-shim') === true && given.some(isMeant);
  } catch {
    return false;
  }
}
