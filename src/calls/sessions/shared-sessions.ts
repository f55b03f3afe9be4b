/** The sessions of a node that several processes serve: their supervisor keeps the table. */
import type { Fellows } from '../../model/fellows.ts';
import type { JsonValue } from '../../model/json.ts';
import type { ClaimAnswer, Reservation, SessionEntry, SessionRegistry, SessionUse } from './session-table.ts';

export function sharedSessions(fellows: Fellows): SessionRegistry {
  // Both ends are of one build.
  const ask = async <T>(topic: string, data: unknown): Promise<T | undefined> =>
    (await fellows.askSupervisor(`sessions.${topic}`, data as JsonValue)) as T | undefined;
  const tell = (topic: string, data: JsonValue): void => fellows.tellSupervisor(`sessions.${topic}`, data);
  return {
    reserve: async (entry, limits) => (await ask<Reservation>('reserve', { entry, limits })) ?? null,
    async add(entries: readonly SessionEntry[]) {
      await ask('add', entries);
    },
    claim: async (id) => (await ask<ClaimAnswer>('claim', id)) ?? { kind: 'gone' },
    release: (id, after) => tell('release', { id, ...after }),
    look: async (id) => (await ask<SessionUse | null>('look', id)) ?? null,
    // With nobody to ask, each that ends writes down what it knows.
    close: async (id) => (await ask<boolean>('close', id)) ?? true,
    remove: (id) => tell('remove', id),
    count: async () => (await ask<number>('count', null)) ?? 0,
  };
}
