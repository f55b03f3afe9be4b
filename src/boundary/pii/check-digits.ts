/** Check digits. Each takes a number without separators; false for anything else than digits where digits are due. */

/** ISO/IEC 7812-1 annex B. */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = digitAt(digits, digits.length - 1 - at);
    const doubled = at % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** ISO 13616: letters are 10 to 35, the first four characters go last, the number modulo 97 is 1. */
export function passesMod97(iban: string): boolean {
  let rest = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

/** Sum of digit times weight. */
export function weightedSum(digits: string, weights: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < weights.length; at++) sum += (weights[at] as number) * digitAt(digits, at);
  return sum;
}

/** ISO 7064, MOD 11,10 (German tax id). */
export function passesMod11And10(digits: string): boolean {
  let product = 10;
  for (let at = 0; at < digits.length - 1; at++) {
    const sum = (digitAt(digits, at) + product) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return (11 - product) % 10 === digitAt(digits, digits.length - 1);
}

/** ISO 7064, MOD 11-2 (Chinese resident id). */
export function passesMod11And2(id: string): boolean {
  let sum = 0;
  for (let at = 0; at < id.length; at++) {
    const value = id.charAt(at) === 'X' ? 10 : digitAt(id, at);
    sum = (sum * 2 + value) % 11;
  }
  return sum === 1;
}

const multiply = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
];
const permute = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258',
];

/** Verhoeff, 1969: the dihedral group D5 (Aadhaar). */
export function passesVerhoeff(digits: string): boolean {
  let check = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = digitAt(digits, digits.length - 1 - at);
    check = digitAt(multiply[check] ?? '', digitAt(permute[at % 8] ?? '', digit));
  }
  return check === 0;
}

function digitAt(digits: string, at: number): number {
  return digits.charCodeAt(at) - 0x30;
}
