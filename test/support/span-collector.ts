/** A collector of traces: takes OTLP over HTTP (opentelemetry/proto/collector/trace/v1, protobuf) and reads the spans. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it begins the trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** 2: error. */
  readonly status: number;
  readonly resource: Readonly<Record<string, string | number>>;
}

export interface SpanCollector extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  readonly headers: readonly NodeJS.Dict<string | string[]>[];
  /** Resolves with the first span that fits, also one that came before. */
  span(fits: (span: CollectedSpan) => boolean): Promise<CollectedSpan>;
}

export async function startSpanCollector(status = 200): Promise<SpanCollector> {
  const spans: CollectedSpan[] = [];
  const headers: NodeJS.Dict<string | string[]>[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      headers.push(request.headers);
      if (request.url === '/v1/traces') spans.push(...readSpans(Buffer.concat(chunks)));
      response.writeHead(status, { 'Content-Type': 'application/x-protobuf' }).end();
      for (const look of waiting) look();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers,
    span: (fits) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = spans.find(fits);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Fields of a protobuf message by number: bytes, or a number where the wire type is one. */
type Fields = ReadonlyMap<number, readonly (Buffer | number)[]>;

function readSpans(bytes: Buffer): readonly CollectedSpan[] {
  return messages(fieldsOf(bytes), 1).flatMap((resourceSpans) => {
    const [resource] = messages(resourceSpans, 1);
    const shared = resource === undefined ? {} : attributesOf(resource, 1);
    return messages(resourceSpans, 2)
      .flatMap((scopeSpans) => messages(scopeSpans, 2))
      .map((span) => ({
        traceId: bytesOf(span, 1).toString('hex'),
        spanId: bytesOf(span, 2).toString('hex'),
        parentSpanId: bytesOf(span, 4).toString('hex'),
        name: bytesOf(span, 5).toString(),
        attributes: attributesOf(span, 9),
        status: Number(messages(span, 15)[0]?.get(3)?.[0] ?? 0),
        resource: shared,
      }));
  });
}

function attributesOf(fields: Fields, number: number): Record<string, string | number> {
  return Object.fromEntries(
    messages(fields, number).map((pair) => {
      const [value] = messages(pair, 2);
      const text = value?.get(1)?.[0];
      const numeric = value?.get(3)?.[0] ?? value?.get(4)?.[0] ?? value?.get(2)?.[0] ?? 0;
      return [bytesOf(pair, 1).toString(), Buffer.isBuffer(text) ? text.toString() : Number(numeric)];
    }),
  );
}

function messages(fields: Fields, number: number): readonly Fields[] {
  return (fields.get(number) ?? []).flatMap((value) => (Buffer.isBuffer(value) ? [fieldsOf(value)] : []));
}

function bytesOf(fields: Fields, number: number): Buffer {
  const value = fields.get(number)?.[0];
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

function fieldsOf(bytes: Buffer): Fields {
  const fields = new Map<number, (Buffer | number)[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wireType = tag & 7;
    let value: Buffer | number;
    if (wireType === 0) value = varint();
    else if (wireType === 1) value = bytes.readDoubleLE((at += 8) - 8);
    else if (wireType === 5) value = bytes.readUInt32LE((at += 4) - 4);
    else {
      const length = varint();
      value = bytes.subarray(at, (at += length));
    }
    const number = tag >>> 3;
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}
