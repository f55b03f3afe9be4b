/**
 * The one wire format of execution: api ↔ runner, runner ↔ isolate worker, runner ↔ harness in a container.
 *
 *     length u32 · type u8 · channel u32 · payload        (big endian; `length` counts the payload alone)
 *
 * Control frames carry JSON, data frames raw bytes, both at most 64 KiB. A channel is one call; channel 0 is
 * the connection itself. On a worker's or harness's connection there is one call, on channel 1.
 */

export const headerBytes = 9;
/** Payload cap for every frame, bytes. Longer data goes in several frames. */
export const payloadBytesMax = 64 * 1024;
/** Connection-wide frames travel here. */
export const connectionChannel = 0;
/** The only call of a worker's or harness's connection. */
export const soleCallChannel = 1;

/** Type codes, frozen: harnesses in images speak them too. Below 64: control (JSON). From 64: data (raw). */
export const frameTypes = {
  /** First frame of either side: the api's `{protocol, revision}`, then the runner's answer, the same. */
  hello: 1,
  /** api → runner: `{callId, tenant, principal, revision, tool, limits, argsBytes}`; runner → worker: the call to run. */
  run: 2,
  /** End this call now. */
  cancel: 3,
  /** The sandbox has the call: `RuntimeReport`. */
  started: 4,
  /** What the runner observed. Never sent by workers or harnesses. */
  usage: 5,
  /** The last frame of a call; `ExitReason` and error. Never sent by workers or harnesses. */
  exit: 6,
  /** Provably nothing ran: `{code, message}`. */
  notStarted: 7,
  /** The run was lost: `{message}`. */
  lost: 8,
  /** Opens an artifact `{name}`; its bytes follow as `artifactData` until the next `artifact` or the end. */
  artifact: 9,
  /** Worker or harness: waiting for its one request. */
  ready: 10,
  /** Worker or harness: the code ended: `{code, signal, …, goesOn}` of a child, or `{}`. */
  ended: 11,
  /** The other side may send so many more data bytes on this channel: `{bytes}`. */
  credit: 12,
  /** runner → harness: opens a file `{path}` under /work; its bytes follow as `fileData`. */
  file: 13,
  /** End of what this side sends for the call. */
  end: 14,
  /** api → runner: how are you; runner → api: `RunnerHealth`. */
  health: 15,
  /** api → runner: do you still run? Answered by `pong` at once. */
  ping: 16,
  pong: 17,
  /**
   * runner → harness, first of all: more than one call will come. api → runner: something to do for a session,
   * `SessionMessage`; its bytes follow as `fileData`, then `end`.
   */
  session: 18,
  /** runner → harness, between calls: a file to write, read, list or remove, `{path}`; its bytes as `fileData`, then `end`. */
  filePut: 19,
  fileGet: 20,
  fileList: 21,
  fileRemove: 22,
  /** harness → runner: one of the files of a list, `{path, sizeBytes, modifiedAtMs}`. */
  fileEntry: 23,
  /** harness → runner: what became of it, `{}` or `{error}`. */
  fileDone: 24,
  /** runner → api: the end of what a `session` frame asked for, `SessionAnswer`. */
  sessionAnswer: 25,
  /** runner → api, unasked: `{sessionId, reason}`. */
  sessionEnded: 26,
  /** The call's arguments, or a harness's request. */
  args: 64,
  stdout: 65,
  stderr: 66,
  result: 67,
  artifactData: 68,
  fileData: 69,
} as const;

export type FrameType = keyof typeof frameTypes;

const firstDataCode = 64;
const typeByCode = new Map<number, FrameType>(
  Object.entries(frameTypes).map(([name, code]) => [code, name as FrameType]),
);

export interface Frame {
  readonly type: FrameType;
  readonly channel: number;
  /** Valid until the decoder's next call; copy what must outlive it. */
  readonly payload: Uint8Array;
}

export function isDataFrame(type: FrameType): boolean {
  return frameTypes[type] >= firstDataCode;
}

export function frameTypeOf(code: number): FrameType | undefined {
  return typeByCode.get(code);
}

/** One frame as bytes. Throws RangeError on a payload over 64 KiB: that is a bug of the sender. */
export function encodeFrame(type: FrameType, channel: number, payload: Uint8Array): Buffer {
  if (payload.length > payloadBytesMax) {
    throw new RangeError(`${type} frame of ${payload.length} bytes; the cap is ${payloadBytesMax}`);
  }
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  writeHeader(frame, type, channel, payload.length);
  frame.set(payload, headerBytes);
  return frame;
}

/** A copy of so few bytes costs less than a second piece to write. */
const copiedBytesMax = 4 * 1024;

/**
 * Data as frames, in pieces that are to be written one after the other: of a large frame the header and then the payload
 * itself, which must not change until it is written.
 */
export function* inFrames(type: FrameType, channel: number, data: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < data.length; at += payloadBytesMax) {
    const payload = data.subarray(at, at + payloadBytesMax);
    if (payload.length <= copiedBytesMax) yield encodeFrame(type, channel, payload);
    else {
      const header = Buffer.allocUnsafe(headerBytes);
      writeHeader(header, type, channel, payload.length);
      yield header;
      yield payload;
    }
  }
}

function writeHeader(frame: Buffer, type: FrameType, channel: number, length: number): void {
  frame.writeUInt32BE(length, 0);
  frame.writeUInt8(frameTypes[type], 4);
  frame.writeUInt32BE(channel, 5);
}

/** A control frame: its payload as JSON. */
export function encodeControl(type: FrameType, channel: number, payload: object): Buffer {
  return encodeFrame(type, channel, Buffer.from(JSON.stringify(payload)));
}
