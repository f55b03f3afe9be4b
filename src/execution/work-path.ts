/** Paths under /work, as callers name them. Hostile. */

/** The supervisor has the same limits. */
const pathBytesMax = 1000;
const pathDepthMax = 16;
const nameBytesMax = 255;

/** A path that stays where it is put. The supervisor holds the same rule by opening name by name. */
export function isPlainPath(path: string): boolean {
  const names = path.split('/');
  return (
    isPathPrefix(path) &&
    names.length <= pathDepthMax &&
    names.every(
      (name) => name !== '' && name !== '.' && name !== '..' && Buffer.byteLength(name) <= nameBytesMax,
    )
  );
}

/** What plain paths can begin with; it may be empty. */
export function isPathPrefix(text: string): boolean {
  return (
    Buffer.byteLength(text) <= pathBytesMax &&
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    !/[\u0000-\u001f\u007f]/.test(text) &&
    text.isWellFormed()
  );
}
