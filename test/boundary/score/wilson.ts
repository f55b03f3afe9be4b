/** A share with its 95 % interval (Wilson, Probable Inference, JASA 22 (1927)): it holds for few cases and for shares near 0 and 1. */
export interface Share {
  readonly hits: number;
  readonly of: number;
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

const z = 1.959_963_984_540_054;

export function wilson(hits: number, of: number): Share {
  if (of === 0) return { hits, of, share: Number.NaN, low: 0, high: 1 };
  const share = hits / of;
  const centre = share + z ** 2 / (2 * of);
  const half = z * Math.sqrt((share * (1 - share)) / of + z ** 2 / (4 * of ** 2));
  const scale = 1 + z ** 2 / of;
  return {
    hits,
    of,
    share,
    low: Math.max(0, (centre - half) / scale),
    high: Math.min(1, (centre + half) / scale),
  };
}

/** `0.980 (0.951–0.992)`. */
export function shown({ of, share, low, high }: Share): string {
  return of === 0 ? 'none' : `${share.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;
}
