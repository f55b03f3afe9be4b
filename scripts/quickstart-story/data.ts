/** Real files to work on: those of the vega-datasets package. */
import { readFileSync } from 'node:fs';

const folder = new URL('../../node_modules/vega-datasets/data/', import.meta.url);

export function readDataset(name: string): string {
  return readFileSync(new URL(name, folder), 'utf8');
}

export function readOwn(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}
