/** Files that calls name, instead of carrying their content. */
import type { RequestOptions, Transport } from './transport.ts';

export interface UploadedFile {
  /** `file_…`: goes into the arguments as `files: [{path, file: id}]`. */
  readonly id: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** RFC 3339; no call can name it after that. */
  readonly expiresAt: string;
}

export class Files {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** For calls of your own. A text goes as UTF-8. Not sent again when the line breaks: it might be stored twice. */
  upload(content: Uint8Array | string, options: RequestOptions = {}): Promise<UploadedFile> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/files',
      bytes: typeof content === 'string' ? new TextEncoder().encode(content) : Uint8Array.from(content),
      isRepeatable: false,
      ...options,
    });
  }
}
