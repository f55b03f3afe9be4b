/** The kill switch: blocks in force, each change durable and on the record before it is answered, then at once in force. */
import type { RecordStore } from '../audit/record.ts';
import type { Block } from '../model/block.ts';
import type { Caller, Principal } from '../model/principal.ts';
import { isBlocking } from '../policy/blocks.ts';
import type { Clock } from './call-context.ts';
import { actor } from './key-ring.ts';

/** Blocks in force at once; each call looks at all of them. */
const blocksMax = 1000;

/** How often a list is read that changes meanwhile; the change itself is news again. */
const readingsMax = 5;

export interface NewBlock {
  readonly tool: string;
  readonly principal?: string;
  readonly tenant?: string;
  readonly reason: string;
  readonly expiresInMs: number;
}

export interface BlockListOptions {
  readonly record: Pick<RecordStore, 'write' | 'listBlocks'>;
  readonly clock: Clock;
  readonly newId: (prefix: string) => string;
  /** Takes secrets out of a reason before it is kept. */
  readonly redactText: (text: string) => string;
  /** Resolves once other processes of this node have taken up what was changed. */
  readonly onChanged?: () => Promise<void>;
}

export class BlockList {
  readonly #options: BlockListOptions;
  readonly #blocks = new Map<string, Block>();
  /** Being written. */
  readonly #coming = new Set<string>();
  /** Raised by every change that was made here. */
  #version = 0;

  private constructor(options: BlockListOptions) {
    this.#options = options;
  }

  /** With the blocks of an earlier process. Rejects with `RecordUnavailable`. */
  static async open(options: BlockListOptions): Promise<BlockList> {
    const list = new BlockList(options);
    await list.refresh();
    return list;
  }

  /** Takes up what others changed. Rejects with `RecordUnavailable`. */
  async refresh(): Promise<void> {
    for (let reading = 0; reading < readingsMax; reading += 1) {
      const version = this.#version;
      const stored = await this.#options.record.listBlocks();
      // What was changed here meanwhile is not in what was read, or still is.
      if (version !== this.#version) continue;
      const ids = new Set(stored.map(({ id }) => id));
      for (const id of this.#blocks.keys())
        if (!ids.has(id) && !this.#coming.has(id)) this.#blocks.delete(id);
      for (const block of stored) this.#blocks.set(block.id, block);
      return;
    }
  }

  /** The first block that means this call now, or null. */
  find(principal: Principal, tool: string): Block | null {
    if (this.#blocks.size === 0) return null;
    const nowMs = this.#options.clock.now();
    for (const block of this.#blocks.values()) if (isBlocking(block, principal, tool, nowMs)) return block;
    return null;
  }

  /** Those in force, oldest first. */
  list(): readonly Block[] {
    const nowMs = this.#options.clock.now();
    for (const { id, expiresAtMs } of this.#blocks.values())
      if (expiresAtMs <= nowMs) this.#blocks.delete(id);
    return [...this.#blocks.values()];
  }

  /** Null when there are as many as there may be. Rejects with `RecordUnavailable`; then calls are refused anyway. */
  async add(by: Caller, wanted: NewBlock): Promise<Block | null> {
    if (this.list().length >= blocksMax) return null;
    const { record, clock, newId, redactText } = this.#options;
    const { tool, principal = null, tenant = null, expiresInMs } = wanted;
    const now = clock.now();
    const block: Block = {
      id: newId('blk'),
      tool,
      principal,
      tenant,
      reason: redactText(wanted.reason),
      createdAtMs: now,
      createdBy: by.principal.id,
      expiresAtMs: now + expiresInMs,
    };
    // In force while it is being written: between too early and too late, too early is safe.
    this.#blocks.set(block.id, block);
    this.#coming.add(block.id);
    try {
      await record.write({
        events: [
          { type: 'block_added', ...actor(by), tenant: by.principal.tenant, details: detailsOf(block) },
        ],
        blocks: [block],
      });
    } catch (error) {
      this.#blocks.delete(block.id);
      throw error;
    } finally {
      this.#coming.delete(block.id);
      this.#version += 1;
    }
    await this.#options.onChanged?.();
    return block;
  }

  /** False when there is no such block in force. It ends only once its removal is durable. */
  async remove(by: Caller, id: string): Promise<boolean> {
    const block = this.list().find((candidate) => candidate.id === id);
    if (block === undefined) return false;
    await this.#options.record.write({
      events: [
        { type: 'block_removed', ...actor(by), tenant: by.principal.tenant, details: detailsOf(block) },
      ],
      removedBlocks: [id],
    });
    this.#blocks.delete(id);
    this.#version += 1;
    await this.#options.onChanged?.();
    return true;
  }
}

function detailsOf({ id, tool, principal, tenant, reason, expiresAtMs }: Block) {
  return {
    block: id,
    tool,
    blockedPrincipal: principal,
    blockedTenant: tenant,
    reason,
    expiresAt: new Date(expiresAtMs).toISOString(),
  };
}
