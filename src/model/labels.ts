/** Free words for finding a call again. */
export const labelLimits = {
  countMax: 16,
  /** Of a name. */
  namePattern: '^[A-Za-z0-9_.-]{1,64}$',
  valueCharsMax: 256,
} as const;
