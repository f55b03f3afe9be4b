/**
 * What calls are listed by, and pages of them. A page is bounded three ways: in calls, in bytes, and in how many places
 * of an index are looked at for it, so that no filter is dear however many calls there are: a page may come short, and
 * lead on.
 */
import { InvalidCursor } from './record.ts';
import type { Page, StoredCall } from './record.ts';
import type { CallStatus } from '../model/call.ts';

/** Calls on one page. */
export const pageCallsMax = 100;
/** Canonical JSON of the calls of one page; the first is on it whatever its size. */
export const pageBytesMax = 4 * 1024 * 1024;
/** Places of an index that are looked at for one page. */
export const placesMax = 10_000;

/** All that is given must fit. */
export interface CallQuery {
  /** null: every tenant (scope admin). */
  readonly tenant: string | null;
  /** null: every principal. */
  readonly principal: string | null;
  readonly status?: CallStatus;
  readonly tool?: string;
  readonly session?: string;
  /** `name=value`. */
  readonly label?: string;
  /** RFC 3339; calls of this time and later. */
  readonly from?: string;
  /** RFC 3339; calls before this time. */
  readonly to?: string;
  /** 1 to 100. */
  readonly limit: number;
  /** Opaque; from `nextCursor`. A broken one throws `InvalidCursor`. */
  readonly cursor?: string;
}

/** Copies of what stands in the call, beside it. */
export interface CallFacts {
  readonly tenant: string;
  readonly principal: string;
  readonly createdAtMs: number;
  readonly tool: string;
  readonly session: string | null;
  /** Each as `name=value`. */
  readonly labels: readonly string[];
}

export function callFacts({ call, tenant, principal }: StoredCall): CallFacts {
  return {
    tenant: tenant.toWellFormed(),
    principal: principal.toWellFormed(),
    createdAtMs: Date.parse(call.createdAt),
    tool: call.tool,
    session: call.session ?? null,
    labels: Object.entries(call.labels).map(([name, value]) => `${name}=${value}`.toWellFormed()),
  };
}

/** Where a call stands in a list: by its time, then by its id. */
export interface CallPlace {
  readonly createdAtMs: number;
  readonly id: string;
}

const cursorShape = /^c1\.(\d{1,15})\.([\w-]{1,64})$/;

export function encodeCallCursor({ createdAtMs, id }: CallPlace): string {
  return Buffer.from(`c1.${createdAtMs}.${id}`).toString('base64url');
}

function decodeCallCursor(cursor: string): CallPlace {
  const bytes = Buffer.from(cursor, 'base64url');
  const [, createdAtMs, id = ''] = cursorShape.exec(bytes.toString('latin1')) ?? [];
  // Decoding skips what is not base64url; only the exact text that was given out is a cursor.
  if (createdAtMs === undefined || bytes.toString('base64url') !== cursor)
    throw new InvalidCursor('The cursor is not valid here; start again without one.');
  return { createdAtMs: Number(createdAtMs), id };
}

/** How a database says what this file does not know. */
export interface CallDialect {
  /** Binds a value. */
  readonly mark: (value: string | number) => string;
  /** Column of `i` that holds the id. */
  readonly id: string;
  /** A condition on `i`: it is not past its time. */
  readonly kept: () => string;
}

/** The index that a list walks: it never leads over calls that the query does not mean by tenant and principal. */
export type WalkedIndex =
  | 'call_labels_of_principal'
  | 'call_labels_of_tenant'
  | 'calls_of_session'
  | 'calls_ended_badly_of_principal'
  | 'calls_ended_badly_of_tenant'
  | 'calls_of_principal'
  | 'calls_of_tenant'
  | 'calls_by_time';

export interface CallScan {
  readonly index: WalkedIndex;
  /** `l`, the labels, or `i`, what is known of calls: columns `created_at_ms` and that of the id. */
  readonly walked: 'l' | 'i';
  /** What the index leads to; columns of `walked`. */
  readonly where: string;
  /** What is asked of each call besides; columns of `i`. Binds its values when it is asked for. */
  readonly fits: () => string;
}

/** Most calls end like the first, and all begin like the second: the index of the rest is small. */
const isUnusual = `i.status <> 'succeeded' AND i.status <> 'running'`;

/** Throws `InvalidCursor`, and `RangeError` for a limit or a time that the door should have refused. */
export function callScan(query: CallQuery, dialect: CallDialect): CallScan {
  const { limit, tenant, principal, label, session, status, tool } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > pageCallsMax)
    throw new RangeError(`limit must be 1 to ${pageCallsMax}`);
  const { mark, id, kept } = dialect;
  const equal = (column: string, value: string | null | undefined): string[] =>
    value === null || value === undefined ? [] : [`${column} = ${mark(value)}`];
  const owner = (of: 'l' | 'i'): string[] => [
    ...equal(`${of}.tenant`, tenant),
    ...(tenant === null ? [] : equal(`${of}.principal`, principal)),
  ];
  const whose = principal === null ? ('tenant' as const) : ('principal' as const);
  const walk = (index: WalkedIndex, walked: 'l' | 'i', where: readonly string[]): CallScan => {
    const hasLabel = `EXISTS (SELECT 1 FROM call_labels x WHERE x.call_id = i.${id} AND x.label = `;
    const fits = (): string[] => [
      kept(),
      ...equal('i.tenant', tenant),
      ...equal('i.principal', principal),
      ...equal('i.session', session),
      ...equal('i.status', status),
      ...equal('i.tool', tool),
      ...(label === undefined || walked === 'l' ? [] : [`${hasLabel}${mark(label)})`]),
    ];
    const places = placesBetween(query, walked, walked === 'l' ? 'call_id' : id, mark);
    return {
      index,
      walked,
      where: ['true', ...where, ...places].join(' AND '),
      fits: () => fits().join(' AND '),
    };
  };
  if (label !== undefined && tenant !== null)
    return walk(`call_labels_of_${whose}`, 'l', [...owner('l'), ...equal('l.label', label)]);
  if (session !== undefined) return walk('calls_of_session', 'i', equal('i.session', session));
  if (status !== undefined && status !== 'succeeded' && status !== 'running' && tenant !== null)
    return walk(`calls_ended_badly_of_${whose}`, 'i', [
      ...owner('i'),
      ...equal('i.status', status),
      isUnusual,
    ]);
  return walk(tenant === null ? 'calls_by_time' : `calls_of_${whose}`, 'i', owner('i'));
}

function placesBetween(
  { cursor, from, to }: CallQuery,
  walked: 'l' | 'i',
  id: string,
  mark: CallDialect['mark'],
): string[] {
  const after = cursor === undefined ? null : decodeCallCursor(cursor);
  const before = to === undefined ? null : { createdAtMs: timeMs(to), id: '' };
  const ends = [after, before].filter((place) => place !== null);
  return [
    ...(from === undefined ? [] : [`${walked}.created_at_ms >= ${mark(timeMs(from))}`]),
    ...ends
      .toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1))
      .slice(0, 1)
      .map(
        (end) => `(${walked}.created_at_ms, ${walked}.${id}) < (${mark(end.createdAtMs)}, ${mark(end.id)})`,
      ),
  ];
}

function timeMs(time: string): number {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) throw new RangeError(`${JSON.stringify(time.slice(0, 40))} is not an RFC 3339 time`);
  return ms;
}

/** What a walk found: places that fit, one more than the page has where there are so many. */
export interface FoundPlaces {
  readonly places: readonly CallPlace[];
  /** Where the walk stopped because it had looked at so many places; null when it came to an end. */
  readonly stoppedAt: CallPlace | null;
}

/** Whole calls of the places, as long as they fit. `sizes` are in bytes, by id; what is not there any more has none. */
export function placesOfPage(
  { places }: FoundPlaces,
  limit: number,
  sizes: ReadonlyMap<string, number>,
): readonly CallPlace[] {
  let bytes = 0;
  const end = places.slice(0, limit).findIndex(({ id }, index) => {
    bytes += sizes.get(id) ?? 0;
    return bytes > pageBytesMax && index > 0;
  });
  return places.slice(0, end === -1 ? limit : end);
}

export function callPage(
  found: FoundPlaces,
  shown: readonly CallPlace[],
  calls: readonly StoredCall[],
  { status }: CallQuery,
): Page<StoredCall> {
  const last = shown.at(-1) ?? null;
  const goesOn = shown.length < found.places.length ? last : found.stoppedAt;
  return {
    // One that ended between the two looks is no longer what was asked for.
    items: status === undefined ? calls : calls.filter(({ call }) => call.status === status),
    nextCursor: goesOn === null ? null : encodeCallCursor(goesOn),
  };
}
