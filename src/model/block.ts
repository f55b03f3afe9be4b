/** Ninety days. */
export const blockLifetimeMsMax = 7_776_000_000;

/** A kill switch: calls that it means are denied, whatever policy says, until it is removed or expires. */
export interface Block {
  /** `blk_…`. */
  readonly id: string;
  /** Name of a tool, or a pattern in which `*` stands for any run of characters. */
  readonly tool: string;
  /** Only calls of this principal; null: of everybody. */
  readonly principal: string | null;
  /** Only calls of this tenant; null: of all. */
  readonly tenant: string | null;
  /** For operators and auditors; callers are not told. */
  readonly reason: string;
  readonly createdAtMs: number;
  /** Principal that added it. */
  readonly createdBy: string;
  readonly expiresAtMs: number;
}
