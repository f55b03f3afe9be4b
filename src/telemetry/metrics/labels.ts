/** Labels cost memory here and in Prometheus for each value: names that others choose are let in only up to a number. */

/** What the rest is counted under. */
const rest = 'other';

/** The first values that come, up to a number; `other` for every one after them. */
export function boundedLabel(valuesMax: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= valuesMax) return rest;
    known.add(value);
    return value;
  };
}
