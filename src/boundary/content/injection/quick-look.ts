/** Cheap looks at what is common in ordinary text, for rules whose patterns cost more. In doubt they answer yes. */

/** `https://` and at most 80 characters, a name of at most 16, and the signs around it: 107. */
const urlUnitsMax = 128;

/** Whether a URL may end in `=`: a parameter that is to be filled in. */
export function mayEndInParameter(text: string, at: number): boolean {
  const end = Math.min(text.length, at + urlUnitsMax);
  let before = 0;
  for (let next = at; next < end; next++) {
    const unit = text.charCodeAt(next);
    if (unit >= 0x80) return true;
    if (endsUrl[unit] === 1) {
      if (before === equals) return true;
      if (unit !== closingParenthesis) return false;
    }
    before = unit;
  }
  return before === equals && end === text.length;
}

const equals = 0x3d;
const closingParenthesis = 0x29;
/** White space, quotes, parentheses and `<`, `>`. */
const endsUrl = new Uint8Array(128);
for (const character of '\t\n\v\f\r "\')<>') endsUrl[character.charCodeAt(0)] = 1;

/** Between the noun and the name. */
const betweenUnitsMax = 20;
/** How the names of a model begin. */
const beginsReader = new Uint8Array(128);
for (const letter of 'alvcgALVCG') beginsReader[letter.charCodeAt(0)] = 1;

/** Whether one of the next words may name a model, as in `note to the assistant`. */
export function mayNameReader(text: string, at: number): boolean {
  if (text.charCodeAt(at) === 0x28) return true;
  let next = at;
  while (next < text.length && isWordUnit(text.charCodeAt(next))) next++;
  const end = Math.min(text.length, next + betweenUnitsMax + 1);
  for (let isInWord = true; next < end; next++) {
    const unit = text.charCodeAt(next);
    if (unit >= 0x80) return true;
    if (!isInWord && beginsReader[unit] === 1) return true;
    isInWord = isWordUnit(unit);
  }
  return false;
}

function isWordUnit(unit: number): boolean {
  const letter = unit | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (unit >= 0x30 && unit <= 0x39) || unit === 0x5f;
}
