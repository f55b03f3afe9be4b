export interface SystemCall {
  readonly architecture: number;
  readonly number: number;
  /** Up to six, as the kernel gets them. */
  readonly args: readonly bigint[];
}
