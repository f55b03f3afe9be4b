import type { Detector } from './detector.ts';
import { secretDefaults } from './detector.ts';

/** What nobody could look into: closed. */
export const undecodedEntry: Detector = {
  ...secretDefaults,
  id: 'undecoded',
  title: 'Encoded or compressed data that is too much to look into',
  source: 'limits of this filter: decodedUnitsPerUnit and decodedUnitsFloor of src/boundary/limits',
  examples: { hit: [], miss: [] },
};
