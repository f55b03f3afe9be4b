/** PostgreSQL's text cannot hold U+0000; the canonical bytes can. */
import type { SearchColumn } from '../stored-event.ts';

/** The value as a column holds it: U+FFFD stands for U+0000. */
export function columnText<T extends SearchColumn>(value: T): T | string {
  return typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value;
}
