/** Recall and precision on tokens that are made up from the vendors' published formats and printed as systems print them. */
import type { Boundary } from '../../../src/boundary/boundary.ts';
import { sourceAndCloudFormats } from './formats/source-and-cloud.ts';
import { serviceFormats } from './formats/services.ts';
import type { TokenFormat } from './formats/token-format.ts';
import { seededRandom } from './random.ts';
import type { Setting } from './settings.ts';
import { settings } from './settings.ts';
import { bytes, output } from '../support/filter.ts';

export interface Case {
  readonly format: TokenFormat;
  readonly setting: Setting;
  /** The secret is not in what left. */
  readonly isTakenOut: boolean;
  /** Detectors that reported something, whatever the action. */
  readonly found: readonly string[];
}

const formats: readonly TokenFormat[] = [...sourceAndCloudFormats, ...serviceFormats];

/** Each format in each setting that could give it away, `perSetting` times with another token. */
export function measureSecrets(boundary: Boundary, perSetting: number, seed: number): Case[] {
  const random = seededRandom(seed);
  const cases: Case[] = [];
  for (const format of formats) {
    for (const setting of settings) {
      if (format.kind === 'named' && !setting.namesIt) continue;
      for (let time = 0; time < perSetting; time++) {
        const secret = format.make(random);
        const printed = setting.print(secret, format.variable, random);
        const inStream = typeof printed === 'string';
        const { report, result, stdout } = boundary.filterOutput(
          output(inStream ? { stdout: bytes(printed) } : { result: printed }),
          [],
        );
        const left = inStream ? stdout : JSON.stringify(result);
        const { leak = (text: string) => text } = setting;
        const isTakenOut = secretParts(secret).every((part) => !left.includes(leak(part)));
        cases.push({ format, setting, isTakenOut, found: report.findings.map(({ detector }) => detector) });
      }
    }
  }
  return cases;
}

/** Of a URL and a connection string only the password or key is secret: the rest may stay. */
function secretParts(secret: string): string[] {
  const inUrl = /:\/\/[^:]*:([^@]+)@/.exec(secret)?.[1] ?? /AccountKey=([^;]+)/.exec(secret)?.[1];
  if (inUrl !== undefined) return [inUrl];
  const webhook = /^https:\/\/.*\/([^/]+)$/.exec(secret)?.[1];
  return [webhook ?? secret];
}
