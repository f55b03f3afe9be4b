/** Which holds stand by what the chain says, to be compared with those that the store has. */
import type { VerifyProblem } from './record.ts';
import type { CanonicalEvent } from './stored-event.ts';

export interface DerivedProblem {
  readonly kind: VerifyProblem['kind'];
  readonly place: { readonly writer: string; readonly sequence: number };
  readonly detail: string;
}

/** Where a problem is of no event. */
export const nowhere: DerivedProblem['place'] = { writer: '', sequence: 0 };

const untold = 'and no erasure or purge tells of it';
export const contentIsGone = `its content is gone, ${untold}`;
export const callIsGone = `its call is gone, ${untold}`;

export class HoldTrail {
  readonly #holds = new Map<string, DerivedProblem['place']>();

  /** Takes the next event of the record. */
  follow({ type, details, writer, sequence }: CanonicalEvent): void {
    const id = details?.['hold'];
    if (typeof id !== 'string') return;
    if (type === 'hold_set') this.#holds.set(id, { writer, sequence });
    if (type === 'hold_released') this.#holds.delete(id);
  }

  /** After the last event. */
  *problems(stored: readonly string[]): Generator<DerivedProblem> {
    const standing = new Set(stored);
    for (const [id, place] of this.#holds)
      if (!standing.delete(id)) yield { kind: 'altered', place, detail: `the hold ${id} was taken away` };
    for (const id of standing)
      yield { kind: 'altered', place: nowhere, detail: `no event tells of the hold ${id}` };
  }
}
