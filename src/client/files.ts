/** Files that calls name, instead of carrying their content. */
import { segment } from './transport.ts';
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

  /** Your own that have not expired, newest first, a page at a time as they are taken. */
  list(options: RequestOptions = {}): AsyncGenerator<UploadedFile, void, undefined> {
    return this.#transport.pages<UploadedFile>('/v1/files', { limit: '100' }, options);
  }

  /** Throws `NotFound` for one that is not yours, or not there any more. */
  async get(id: string, options: RequestOptions = {}): Promise<UploadedFile> {
    return await this.#transport.json({ method: 'GET', path: pathOf(id), isRepeatable: true, ...options });
  }

  /** The bytes as the boundary lets them out. */
  read(id: string, options: RequestOptions = {}): Promise<Uint8Array> {
    return this.#transport.bytes({
      method: 'GET',
      path: `${pathOf(id)}/content`,
      isRepeatable: true,
      ...options,
    });
  }

  async readText(id: string, options: RequestOptions = {}): Promise<string> {
    return new TextDecoder().decode(await this.read(id, options));
  }

  /** No call can name it any more. Not sent again when the line breaks: the second time it would not be there. */
  async remove(id: string, options: RequestOptions = {}): Promise<void> {
    await this.#transport.json({ method: 'DELETE', path: pathOf(id), isRepeatable: false, ...options });
  }
}

function pathOf(id: string): string {
  return `/v1/files/${segment(id)}`;
}
