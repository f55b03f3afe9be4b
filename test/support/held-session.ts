/** A session straight on an executor, without a server around it. */
import { randomUUID } from 'node:crypto';
import type { ContainerExecutor } from '../../src/execution/container/container-executor.ts';
import type { ContainerProfile } from '../../src/execution/executor.ts';
import type { FileAnswer, FileOperation, SessionRequest } from '../../src/execution/sessions.ts';
import type { SessionEndReason } from '../../src/model/session.ts';
import { collect, profileOf, requestOf } from './container-calls.ts';
import type { Seen, ShippedImage } from './container-calls.ts';

export const owner = { tenant: 'acme', principal: 'ana' };

export function sessionProfile(
  image: ShippedImage,
  changes: Partial<ContainerProfile> = {},
): ContainerProfile {
  const profile = profileOf(image, changes);
  const sessions = { idleMs: 60_000, lifetimeMs: 120_000, perPrincipal: 2, perTenant: 8 };
  return { ...profile, image: { ...profile.image, sessions } };
}

export class Subject {
  readonly executor: ContainerExecutor;
  readonly profile: ContainerProfile;
  readonly id = `ses_${randomUUID()}`;
  readonly ended: Promise<SessionEndReason>;

  constructor(executor: ContainerExecutor, profile: ContainerProfile) {
    this.executor = executor;
    this.profile = profile;
    const { promise, resolve } = Promise.withResolvers<SessionEndReason>();
    executor.sessions.onEnded((id, reason) => {
      if (id === this.id) resolve(reason);
    });
    this.ended = promise;
  }

  async open(changes: Partial<SessionRequest> = {}): Promise<this> {
    const { memoryMiB, cpus, pids } = this.profile.limits;
    const size = { memoryMiB, cpus, pids };
    const request = { sessionId: this.id, ...owner, revision: 'r1', tool: this.profile.tool, size };
    await this.executor.sessions.open(
      { ...request, idleMs: 60_000, lifetimeMs: 120_000, ...changes },
      this.profile,
    );
    return this;
  }

  async run(args: object, profile = this.profile, signal = new AbortController().signal): Promise<Seen> {
    const request = { ...requestOf(profile, args), session: { id: this.id, runner: 'here' } };
    return await collect(this.executor.run(request, signal));
  }

  async file(operation: FileOperation): Promise<FileAnswer> {
    return await this.executor.sessions.exchange(this.id, owner, operation);
  }

  async read(path: string): Promise<string> {
    const answer = await this.file({ kind: 'get', path, bytesMax: 1_000_000 });
    return answer.kind === 'done' ? Buffer.from(answer.data).toString() : answer.error;
  }
}
