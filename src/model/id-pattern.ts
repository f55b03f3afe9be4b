/** Of ids that the server makes: a prefix for the kind, and a ULID. */
export function idPattern(prefix: string): string {
  return `^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`;
}
