/** A call as the frames that a worker takes. */
import type { SandboxRequest } from '../executor.ts';
import { encodeControl, encodeFrame, payloadBytesMax, soleCallChannel } from '../protocol/frame.ts';
import type { FrameType } from '../protocol/frame.ts';
import type { RunMessage } from './worker/messages.ts';

/** All frames of the call in one buffer: one write, and no moment in which half a call was sent. */
export function framesOfCall({ args, limits, profile }: SandboxRequest): Buffer {
  const { memoryMiB, outputBytes, logBytes, hostCalls } = limits;
  const webAssembly = profile.kind === 'isolate' && profile.webAssembly;
  const run: RunMessage = { memoryMiB, outputBytes, logBytes, hostCalls, webAssembly };
  const frames = [encodeControl('run', soleCallChannel, run)];
  if (profile.code !== null) {
    frames.push(encodeControl('file', soleCallChannel, { path: profile.code.name }));
    pushData(frames, 'fileData', Buffer.from(profile.code.source));
  }
  pushData(frames, 'args', args);
  frames.push(encodeControl('end', soleCallChannel, {}));
  return Buffer.concat(frames);
}

function pushData(frames: Buffer[], type: FrameType, data: Uint8Array): void {
  for (let at = 0; at < data.length; at += payloadBytesMax) {
    frames.push(encodeFrame(type, soleCallChannel, data.subarray(at, at + payloadBytesMax)));
  }
}
