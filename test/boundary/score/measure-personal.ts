/**
 * Recall on numbers of persons that are made up from published formats, check digits included, and printed as systems and
 * people print them; false alarms on numbers that look like them.
 */
import type { Boundary } from '../../../src/boundary/boundary.ts';
import { profile } from '../support/filter.ts';
import { cardForms } from './numbers/cards.ts';
import { contactForms } from './numbers/contacts.ts';
import { ibanForms } from './numbers/ibans.ts';
import { idForms } from './numbers/national-ids.ts';
import { nearMisses } from './numbers/near-misses.ts';
import type { NumberForm } from './numbers/number-form.ts';
import { withWrongCheck } from './numbers/number-form.ts';
import type { NumberSetting } from './numbers/number-settings.ts';
import { numberSettings } from './numbers/number-settings.ts';
import type { Random } from './random.ts';
import { seededRandom } from './random.ts';
import { bytes, output } from '../support/filter.ts';

export interface PersonalCase {
  readonly form: NumberForm;
  readonly setting: NumberSetting;
  /** Neither the number is in what left, nor one of its ends. */
  readonly isTakenOut: boolean;
  readonly printed: string;
}

export interface Alarm {
  readonly shape: string;
  readonly printed: string;
  /** Detectors of personal data that took something out. */
  readonly found: readonly string[];
}

const forms: readonly NumberForm[] = [...cardForms, ...ibanForms, ...idForms, ...contactForms];
/** Addresses and telephone numbers are left alone unless a profile says otherwise. */
const profiles = [profile('outbound', { 'email-address': 'redact', 'phone-number': 'redact' })];
const personal = new Set(['payment-card', 'iban', 'national-id']);

/** Each form in each setting that could give it away, `perSetting` times with another number. */
export function measurePersonal(boundary: Boundary, perSetting: number, seed: number): PersonalCase[] {
  const random = seededRandom(seed);
  return forms.flatMap((form) =>
    numberSettings
      .filter(({ namesIt }) => namesIt || !form.needsName)
      .flatMap((setting) =>
        Array.from({ length: perSetting }, () => {
          const written = form.make(random);
          const printed = setting.print(written, random.pick(form.names), random);
          const { left } = filtered(boundary, printed, profiles);
          const { read = (text: string) => text } = setting;
          const isTakenOut = !holds(read(left), written);
          return { form, setting, isTakenOut, printed: JSON.stringify(printed) };
        }),
      ),
  );
}

/** Numbers with a wrong check digit, and other things of such shapes, in every setting and under the shipped actions. */
export function measureNearMisses(boundary: Boundary, perSetting: number, seed: number): Alarm[] {
  const random = seededRandom(seed);
  const wrong = forms
    .filter(({ hasCheck }) => hasCheck)
    .map(({ kind, names, make }) => ({
      shape: `${kind}, wrong check digit`,
      names,
      make: (random: Random) => withWrongCheck(make(random), random),
    }));
  return [...wrong, ...nearMisses].flatMap(({ shape, names, make }) =>
    numberSettings.flatMap((setting) =>
      Array.from({ length: shape.endsWith('wrong check digit') ? 1 : 10 * perSetting }, () => {
        const printed = setting.print(make(random), random.pick(names), random);
        const { detectors } = filtered(boundary, printed, []);
        const found = detectors.filter((detector) => personal.has(detector));
        return { shape, found, printed: JSON.stringify(printed) };
      }),
    ),
  );
}

function filtered(
  boundary: Boundary,
  printed: ReturnType<NumberSetting['print']>,
  profiles: Parameters<Boundary['filterOutput']>[1],
): { readonly left: string; readonly detectors: readonly string[] } {
  const inStream = typeof printed === 'string';
  const { report, result, stdout } = boundary.filterOutput(
    output(inStream ? { stdout: bytes(printed) } : { result: printed }),
    profiles,
  );
  return {
    left: inStream ? stdout : JSON.stringify(result),
    detectors: report.findings.map(({ detector }) => detector),
  };
}

const endUnits = 6;

/** Without what stands between groups, which may have been printed as something else. */
function holds(left: string, written: string): boolean {
  const bare = (text: string) => text.replaceAll('&nbsp;', '').replaceAll(/[^A-Za-z0-9@]/g, '');
  const [text, number] = [bare(left), bare(written)];
  return text.includes(number.slice(0, endUnits)) || text.includes(number.slice(-endUnits));
}
