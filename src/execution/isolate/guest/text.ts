/** Inside the isolate: `TextEncoder` and `TextDecoder` for UTF-8 (WHATWG Encoding, utf-8 decoder). */
export function defineText(): Record<string, unknown> {
  /** Writes `text` from `target[0]`; stops before a character that does not fit. */
  function encodeInto(text: string, target: Uint8Array): { read: number; written: number } {
    let read = 0;
    let written = 0;
    while (read < text.length) {
      const raw = text.codePointAt(read) ?? 0;
      const units = raw > 0xffff ? 2 : 1;
      const code = raw >= 0xd800 && raw <= 0xdfff ? 0xfffd : raw;
      const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      if (written + size > target.length) break;
      if (size === 1) target[written] = code;
      else {
        target[written] = ((0xf0 << (4 - size)) & 0xff) | (code >> (6 * (size - 1)));
        for (let place = 1; place < size; place += 1) {
          target[written + place] = 0x80 | ((code >> (6 * (size - 1 - place))) & 0x3f);
        }
      }
      written += size;
      read += units;
    }
    return { read, written };
  }

  class TextEncoder {
    get encoding(): string {
      return 'utf-8';
    }
    encode(value: unknown = ''): Uint8Array {
      const text = String(value);
      const target = new Uint8Array(text.length * 3);
      return target.slice(0, encodeInto(text, target).written);
    }
    encodeInto(value: unknown, target: Uint8Array): { read: number; written: number } {
      return encodeInto(String(value), target);
    }
  }

  function bytesOf(input: unknown): Uint8Array {
    if (input === undefined) return new Uint8Array(0);
    if (input instanceof ArrayBuffer) return new Uint8Array(input);
    if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    throw new TypeError('TextDecoder takes an ArrayBuffer or a view of one');
  }

  class TextDecoder {
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    #code = 0;
    #missing = 0;
    #lower = 0x80;
    #upper = 0xbf;
    #seenFirst = false;

    constructor(label: unknown = 'utf-8', options: { fatal?: unknown; ignoreBOM?: unknown } = {}) {
      if (!/^\s*(utf-?8|unicode-1-1-utf-8)\s*$/i.test(String(label))) {
        throw new RangeError(`the encoding ${String(label)} is not available; utf-8 is`);
      }
      this.fatal = Boolean(options.fatal);
      this.ignoreBOM = Boolean(options.ignoreBOM);
    }

    get encoding(): string {
      return 'utf-8';
    }

    decode(input?: unknown, options: { stream?: unknown } = {}): string {
      const bytes = bytesOf(input);
      const pieces: string[] = [];
      let units: number[] = [];
      const emit = (code: number): void => {
        const isFirst = !this.#seenFirst;
        this.#seenFirst = true;
        if (isFirst && code === 0xfeff && !this.ignoreBOM) return;
        units.push(code);
        if (units.length < 4096) return;
        pieces.push(String.fromCodePoint(...units));
        units = [];
      };
      for (let at = 0; at < bytes.length; at += 1) this.#take(bytes[at] ?? 0, emit);
      if (!options.stream) {
        if (this.#missing > 0) this.#malformed(emit);
        this.#seenFirst = false;
      }
      return pieces.join('') + String.fromCodePoint(...units);
    }

    #malformed(emit: (code: number) => void): void {
      this.#reset();
      if (!this.fatal) return emit(0xfffd);
      this.#seenFirst = false;
      throw new TypeError('the encoded data was not valid utf-8');
    }

    #reset(): void {
      this.#code = 0;
      this.#missing = 0;
      this.#lower = 0x80;
      this.#upper = 0xbf;
    }

    #take(byte: number, emit: (code: number) => void): void {
      if (this.#missing === 0) return this.#open(byte, emit);
      if (byte < this.#lower || byte > this.#upper) {
        this.#malformed(emit);
        return this.#open(byte, emit);
      }
      this.#lower = 0x80;
      this.#upper = 0xbf;
      this.#code = (this.#code << 6) | (byte & 0x3f);
      this.#missing -= 1;
      if (this.#missing > 0) return;
      const code = this.#code;
      this.#reset();
      emit(code);
    }

    #open(byte: number, emit: (code: number) => void): void {
      if (byte < 0x80) return emit(byte);
      if (byte < 0xc2 || byte > 0xf4) return this.#malformed(emit);
      this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      this.#code = byte & (0x3f >> this.#missing);
      if (byte === 0xe0) this.#lower = 0xa0;
      if (byte === 0xed) this.#upper = 0x9f;
      if (byte === 0xf0) this.#lower = 0x90;
      if (byte === 0xf4) this.#upper = 0x8f;
    }
  }

  return { TextEncoder, TextDecoder };
}
