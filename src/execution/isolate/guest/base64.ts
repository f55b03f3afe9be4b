/** Inside the isolate: `atob` and `btoa` (WHATWG forgiving base64). */
export function defineBase64(): Record<string, unknown> {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

  function invalid(message: string): Error {
    const error = new Error(message);
    error.name = 'InvalidCharacterError';
    return error;
  }

  function btoa(value: unknown): string {
    const text = String(value);
    let encoded = '';
    for (let at = 0; at < text.length; at += 3) {
      let bits = 0;
      for (let next = at; next < at + 3; next += 1) {
        const code = next < text.length ? text.charCodeAt(next) : 0;
        if (code > 255) throw invalid('btoa takes characters of codes 0 to 255 alone');
        bits = bits * 256 + code;
      }
      const present = Math.min(3, text.length - at) + 1;
      for (let place = 0; place < 4; place += 1) {
        encoded += place < present ? alphabet[(bits >> (18 - 6 * place)) & 63] : '=';
      }
    }
    return encoded;
  }

  function atob(value: unknown): string {
    let text = String(value).replace(/[\t\n\f\r ]/g, '');
    if (text.length % 4 === 0) text = text.replace(/={1,2}$/, '');
    if (text.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(text)) throw invalid('the text is not base64');
    let decoded = '';
    let bits = 0;
    let held = 0;
    for (let at = 0; at < text.length; at += 1) {
      bits = ((bits << 6) | alphabet.indexOf(text.charAt(at))) & 0xffff;
      held += 6;
      if (held < 8) continue;
      held -= 8;
      decoded += String.fromCharCode((bits >> held) & 255);
    }
    return decoded;
  }

  return { atob, btoa };
}
