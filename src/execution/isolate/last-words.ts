/** The end of a worker's stderr, so much of it as a log line needs. */
const lastWordsBytesMax = 4096;

export class LastWords {
  #text = '';

  get text(): string {
    return this.#text;
  }

  take(chunk: Uint8Array): void {
    this.#text = (this.#text + Buffer.from(chunk).toString('utf8')).slice(-lastWordsBytesMax);
  }
}
