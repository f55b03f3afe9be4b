/** Inside the isolate: `TextEncoder`, and `TextDecoder` for UTF-8, UTF-16LE and windows-1252 (WHATWG Encoding). */
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

  type Emit = (code: number) => void;
  /** Turns bytes into code points one by one; `malformed` throws where the decoder is fatal. */
  interface Decoding {
    take(byte: number, emit: Emit, malformed: () => void): void;
    /** The bytes end here. */
    end(malformed: () => void): void;
    reset(): void;
  }

  class Utf8 implements Decoding {
    #code = 0;
    #missing = 0;
    #lower = 0x80;
    #upper = 0xbf;

    take(byte: number, emit: Emit, malformed: () => void): void {
      if (this.#missing === 0) return this.#open(byte, emit, malformed);
      if (byte < this.#lower || byte > this.#upper) {
        this.reset();
        malformed();
        return this.#open(byte, emit, malformed);
      }
      this.#lower = 0x80;
      this.#upper = 0xbf;
      this.#code = (this.#code << 6) | (byte & 0x3f);
      this.#missing -= 1;
      if (this.#missing > 0) return;
      const code = this.#code;
      this.reset();
      emit(code);
    }
    end(malformed: () => void): void {
      const isOpen = this.#missing > 0;
      this.reset();
      if (isOpen) malformed();
    }
    reset(): void {
      this.#code = 0;
      this.#missing = 0;
      this.#lower = 0x80;
      this.#upper = 0xbf;
    }
    #open(byte: number, emit: Emit, malformed: () => void): void {
      if (byte < 0x80) return emit(byte);
      if (byte < 0xc2 || byte > 0xf4) return malformed();
      this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      this.#code = byte & (0x3f >> this.#missing);
      if (byte === 0xe0) this.#lower = 0xa0;
      if (byte === 0xed) this.#upper = 0x9f;
      if (byte === 0xf0) this.#lower = 0x90;
      if (byte === 0xf4) this.#upper = 0x8f;
    }
  }

  class Utf16 implements Decoding {
    #low: number | null = null;
    #lead: number | null = null;

    take(byte: number, emit: Emit, malformed: () => void): void {
      if (this.#low === null) {
        this.#low = byte;
        return;
      }
      const unit = this.#low | (byte << 8);
      const lead = this.#lead;
      this.#low = null;
      this.#lead = null;
      const isTrail = unit >= 0xdc00 && unit <= 0xdfff;
      if (lead !== null && isTrail) return emit(((lead - 0xd800) << 10) + (unit - 0xdc00) + 0x10000);
      if (lead !== null) malformed();
      if (isTrail) malformed();
      else if (unit >= 0xd800 && unit <= 0xdbff) this.#lead = unit;
      else emit(unit);
    }
    end(malformed: () => void): void {
      const isOpen = this.#low !== null || this.#lead !== null;
      this.reset();
      if (isOpen) malformed();
    }
    reset(): void {
      this.#low = null;
      this.#lead = null;
    }
  }

  /** Bytes 0x80 to 0x9f of windows-1252, which is what `latin1` and `ascii` mean on the web. */
  const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

  class Windows1252 implements Decoding {
    take(byte: number, emit: Emit): void {
      emit(byte < 0x80 || byte > 0x9f ? byte : windows1252.charCodeAt(byte - 0x80));
    }
    end(): void {}
    reset(): void {}
  }

  const encodings: [name: string, labels: RegExp, kind: new () => Decoding][] = [
    ['utf-8', /^(utf-?8|unicode-1-1-utf-8|unicode11utf8|unicode20utf8|x-unicode20utf8)$/, Utf8],
    ['utf-16le', /^(utf-16(le)?|ucs-2|unicode|unicodefeff|iso-10646-ucs-2|csunicode)$/, Utf16],
    [
      'windows-1252',
      /^(windows-1252|(x-)?cp1252|ascii|us-ascii|ansi_x3\.4-1968|latin1|l1|iso-?8859-?1|iso_8859-1(:1987)?|cp819|ibm819|csisolatin1|iso-ir-100)$/,
      Windows1252,
    ],
  ];

  class TextDecoder {
    readonly encoding: string;
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    readonly #decoding: Decoding;
    #seenFirst = false;

    constructor(label: unknown = 'utf-8', options: { fatal?: unknown; ignoreBOM?: unknown } = {}) {
      const wanted = String(label)
        .replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '')
        .toLowerCase();
      const found = encodings.find(([, labels]) => labels.test(wanted));
      if (found === undefined) {
        const names = encodings.map(([name]) => name).join(', ');
        throw new RangeError(`the encoding ${String(label)} is not available; these are: ${names}`);
      }
      this.encoding = found[0];
      this.#decoding = new found[2]();
      this.fatal = Boolean(options.fatal);
      this.ignoreBOM = Boolean(options.ignoreBOM);
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
      const malformed = (): void => {
        if (!this.fatal) return emit(0xfffd);
        this.#seenFirst = false;
        this.#decoding.reset();
        throw new TypeError(`the encoded data was not valid ${this.encoding}`);
      };
      for (let at = 0; at < bytes.length; at += 1) this.#decoding.take(bytes[at] ?? 0, emit, malformed);
      if (!options.stream) {
        this.#decoding.end(malformed);
        this.#seenFirst = false;
      }
      return pieces.join('') + String.fromCodePoint(...units);
    }
  }

  return { TextEncoder, TextDecoder };
}
