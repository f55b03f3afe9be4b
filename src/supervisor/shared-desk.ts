/** What several workers share, kept by their supervisor: the sessions of their node, turns, and how each of them is. */
import { SessionTable } from '../calls/sessions/session-table.ts';
import type { SessionEntry, SessionLimits } from '../calls/sessions/session-table.ts';
import type { WorkerState } from '../model/fellows.ts';
import type { JsonValue } from '../model/json.ts';

/** What a worker asks; nobody else can. */
interface SharedQuestions {
  readonly 'sessions.reserve': { readonly entry: SessionEntry; readonly limits: SessionLimits };
  readonly 'sessions.add': readonly SessionEntry[];
  readonly 'sessions.claim': string;
  readonly 'sessions.release': {
    readonly id: string;
    readonly isChanged: boolean;
    readonly callCount: number;
  };
  readonly 'sessions.look': string;
  readonly 'sessions.close': string;
  readonly 'sessions.remove': string;
  readonly 'sessions.count': null;
  /** Answered with the note of the turn before, once it is this worker's turn. */
  readonly 'turn.take': null;
  /** With a note for the next. */
  readonly 'turn.end': string | null;
  /** How it is itself; answered with how all are. */
  readonly workers: WorkerState['status'];
  readonly 'runner.silent': null;
}

export interface SharedDeskOptions {
  readonly workersCount: number;
  /** The runner that they share says nothing any more. */
  readonly onRunnerSilent: () => void;
}

export class SharedDesk {
  readonly #options: SharedDeskOptions;
  readonly #sessions = new SessionTable();
  readonly #states = new Map<number, WorkerState['status']>();
  /** Who waits for a turn, in order; the first one has it. */
  #turns: { readonly who: number; readonly begin: (note: string | null) => void }[] = [];
  #note: string | null = null;

  constructor(options: SharedDeskOptions) {
    this.#options = options;
  }

  /** `heardFrom`: resolves once everything was heard that this worker said before. */
  async answer(
    who: number,
    topic: string,
    data: JsonValue,
    heardFrom: (index: number) => Promise<void>,
  ): Promise<JsonValue> {
    const asked = { topic, data } as unknown as Question;
    const sessions = this.#sessions;
    switch (asked.topic) {
      case 'sessions.reserve':
        return { ...sessions.reserve(who, asked.data.entry, asked.data.limits) };
      case 'sessions.add':
        return done(sessions.add(asked.data));
      case 'sessions.claim':
        return { ...(await this.#claim(who, asked.data, heardFrom)) };
      case 'sessions.release':
        return done(sessions.release(who, asked.data.id, asked.data));
      case 'sessions.look': {
        const use = sessions.look(asked.data);
        return use === null ? null : { ...use };
      }
      case 'sessions.close':
        return sessions.close(who, asked.data);
      case 'sessions.remove':
        return done(sessions.remove(asked.data));
      case 'sessions.count':
        return sessions.count;
      case 'turn.take':
        return await this.#takeTurn(who);
      case 'turn.end':
        return done(this.#endTurn(who, asked.data));
      case 'workers':
        this.#states.set(who, asked.data);
        return this.#workers().map((state) => ({ ...state }));
      case 'runner.silent':
        return done(this.#options.onRunnerSilent());
      default:
        // Of a worker whose program is a later one: it was reloaded, its supervisor was not.
        asked satisfies never;
        return null;
    }
  }

  /** A worker is gone. */
  forget(who: number): void {
    this.#states.delete(who);
    this.#sessions.forget(who);
    const hadTurn = this.#turns[0]?.who === who;
    this.#turns = this.#turns.filter((turn) => turn.who !== who);
    if (hadTurn) this.#turns[0]?.begin(this.#note);
  }

  /** Its client may have the answer, and come with the next request, before its giving back is heard here. */
  async #claim(
    who: number,
    id: string,
    heardFrom: (index: number) => Promise<void>,
  ): Promise<ReturnType<SessionTable['claim']>> {
    const answer = this.#sessions.claim(who, id);
    const holder = this.#sessions.holderOf(id);
    if (answer.kind !== 'busy' || holder === null || holder === who) return answer;
    await heardFrom(holder);
    return this.#sessions.claim(who, id);
  }

  #takeTurn(who: number): Promise<string | null> {
    return new Promise((begin) => {
      this.#turns.push({ who, begin });
      if (this.#turns.length === 1) begin(this.#note);
    });
  }

  #endTurn(who: number, note: string | null): void {
    if (this.#turns[0]?.who !== who) return;
    this.#note = note;
    this.#turns.shift();
    this.#turns[0]?.begin(note);
  }

  #workers(): WorkerState[] {
    return Array.from({ length: this.#options.workersCount }, (_, at) => ({
      index: at + 1,
      status: this.#states.get(at + 1) ?? 'starting',
    }));
  }
}

type Question = {
  [Topic in keyof SharedQuestions]: { readonly topic: Topic; readonly data: SharedQuestions[Topic] };
}[keyof SharedQuestions];

function done(_nothing: void): null {
  return null;
}
