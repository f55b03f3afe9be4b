import { Option } from 'commander';

/** An option with one value each time it is given: what stands behind it is never taken for more of them. */
export function repeatable(flags: string, description: string): Option {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  return new Option(flags, `${description}; can be repeated`).argParser(collect);
}
