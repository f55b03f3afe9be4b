/** One reference token of a JSON pointer (RFC 6901). */
export function escapePointer(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The JSON pointer to a path of member names. */
export function pointerTo(path: readonly string[]): string {
  return path.map((token) => `/${escapePointer(token)}`).join('');
}
