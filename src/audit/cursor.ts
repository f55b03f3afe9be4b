/** Cursors of event pages: opaque to callers, and hostile when they come back. */
import { InvalidCursor } from './record.ts';

const shape = /^e1\.(asc|desc)\.([1-9]\d{0,14})$/;

export function encodeCursor(order: 'asc' | 'desc', position: number): string {
  return Buffer.from(`e1.${order}.${position}`).toString('base64url');
}

/** The position of the last event of the page before. Throws `InvalidCursor`, also for a cursor of the other order. */
export function decodeCursor(cursor: string, order: 'asc' | 'desc'): number {
  const bytes = Buffer.from(cursor, 'base64url');
  const match = shape.exec(bytes.toString('latin1'));
  // Decoding skips what is not base64url; only the exact text that was given out is a cursor.
  if (match === null || match[1] !== order || bytes.toString('base64url') !== cursor)
    throw new InvalidCursor('The cursor is not valid here; start again without one.');
  return Number(match[2]);
}

/** Bytes of events and their content after which a page ends, however few they are: its cursor goes on. */
export const pageBytesMax = 8 * 1024 * 1024;
