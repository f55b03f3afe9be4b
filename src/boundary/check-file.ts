/** What the boundary says of one file that goes into a sandbox, or comes out of one, apart from any call. */
import { isUtf8 } from 'node:buffer';
import type { BoundaryProfile, BoundaryReport } from '../model/finding.ts';
import type { OutputArtifact } from './artifacts.ts';
import type { Boundary } from './boundary.ts';

export interface CheckedFile {
  readonly report: BoundaryReport;
  /** It may not be put there. */
  readonly blocked: boolean;
}

export interface FilteredFile {
  readonly report: BoundaryReport;
  /** Null: withheld. */
  readonly file: OutputArtifact | null;
}

/** Text as the arguments of a call are checked. A sandbox has no way out: other bytes are looked into when they leave it. */
export function checkFile(
  boundary: Boundary,
  { name, data }: OutputArtifact,
  profiles: readonly BoundaryProfile[],
): CheckedFile {
  const text = isUtf8(data) ? Buffer.from(data).toString('utf8') : null;
  const given = text === null ? { path: name } : { path: name, text };
  const { report, blocked } = boundary.checkArguments(given, profiles);
  return { report, blocked };
}
