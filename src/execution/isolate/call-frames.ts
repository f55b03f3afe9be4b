/** A call as the frames that a worker takes. */
import type { SandboxRequest } from '../executor.ts';
import { encodeControl, inFrames, soleCallChannel } from '../protocol/frame.ts';
import type { RunMessage } from './worker/messages.ts';

/** All frames of the call in one buffer: one write, and no moment in which half a call was sent. */
export function framesOfCall({ args, limits, profile }: SandboxRequest): Buffer {
  const { memoryMiB, outputBytes, logBytes, hostCalls } = limits;
  const webAssembly = profile.kind === 'isolate' && profile.webAssembly;
  const run: RunMessage = { memoryMiB, outputBytes, logBytes, hostCalls, webAssembly };
  const frames: Uint8Array[] = [encodeControl('run', soleCallChannel, run)];
  if (profile.code !== null) {
    frames.push(encodeControl('file', soleCallChannel, { path: profile.code.name }));
    frames.push(...inFrames('fileData', soleCallChannel, Buffer.from(profile.code.source)));
  }
  frames.push(...inFrames('args', soleCallChannel, args), encodeControl('end', soleCallChannel, {}));
  return Buffer.concat(frames);
}
