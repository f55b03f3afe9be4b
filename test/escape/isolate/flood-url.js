// Addresses longer than are looked at are refused, however many.
// expect: completed 0
export default () => {
  let parsed = 0;
  for (let n = 0; n < 100; n += 1) parsed += URL.canParse(`https://a.example/${'x'.repeat(1e6)}`) ? 1 : 0;
  return parsed;
};
