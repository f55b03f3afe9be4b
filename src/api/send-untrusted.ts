/** Bytes that a tool wrote, on their way to a client that may be a browser: nothing is sniffed, nothing runs. */
import type { Response } from 'express';
import type { Transfers } from './transfers.ts';

/** Formats that a browser only draws. Everything else is handed over as a download. */
const magicNumbers: Readonly<Record<string, (head: string) => boolean>> = {
  'image/png': (head) => head.startsWith('\u0089PNG\r\n\u001a\n'),
  'image/jpeg': (head) => head.startsWith('\u00ff\u00d8\u00ff'),
  'image/gif': (head) => head.startsWith('GIF87a') || head.startsWith('GIF89a'),
  'image/webp': (head) => head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP',
};

/** What else than `application/octet-stream` may be answered. */
export const imageMediaTypes: readonly string[] = Object.keys(magicNumbers);

export interface UntrustedFile {
  /** May hold folders; the last name is what a download is called. */
  readonly name: string;
  /** Believed for images whose first bytes agree. */
  readonly mediaType: string;
  readonly data: Uint8Array;
}

/** After `transfers.admit`. */
export function sendUntrusted(response: Response, file: UntrustedFile, transfers: Transfers): void {
  const data = Buffer.from(file.data);
  const isImage = magicNumbers[file.mediaType]?.(data.subarray(0, 16).toString('latin1')) ?? false;
  const fileName = encodeURIComponent((file.name.split('/').at(-1) ?? 'file').toWellFormed());
  response
    .set('Content-Type', isImage ? file.mediaType : 'application/octet-stream')
    .set('Content-Disposition', isImage ? 'inline' : `attachment; filename*=UTF-8''${fileName}`)
    .set('Content-Security-Policy', "sandbox; default-src 'none'")
    .set('X-Content-Type-Options', 'nosniff')
    .set('Cache-Control', 'private, no-store');
  transfers.send(response, data);
}
