/** Text for the examples of detectors: it looks random, is computed, and is nobody's secret. */
const alphabets = {
  digits: '0123456789',
  hex: '0123456789abcdef',
  lower: 'abcdefghijklmnopqrstuvwxyz',
  lowerDigits: 'abcdefghijklmnopqrstuvwxyz0123456789',
  upperDigits: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
  letters: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
  base62: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
} as const;

/** `units` characters of an alphabet, the same for every run; another `seed` gives another text. */
export function sample(alphabet: keyof typeof alphabets, units: number, seed = 1): string {
  const characters = alphabets[alphabet];
  let state = seed * 2_654_435_761;
  let text = '';
  while (text.length < units) {
    // The generator of Numerical Recipes, of which the high bits are the better ones.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += characters.charAt(Math.floor((state / 2 ** 32) * characters.length));
  }
  return text;
}

/** The same in the form of RFC 9562 UUIDs. */
export function sampleUuid(seed = 1): string {
  const digits = sample('hex', 32, seed);
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5');
}
