// Collections and iteration are replaced before the platform's own parts are loaded.
// expect: threw RangeError
export default () => {
  const real = { href: null };
  for (const kind of [WeakMap, Map, Set]) {
    kind.prototype.set = kind.prototype.add = kind.prototype.get = kind.prototype.has = () => 'forged';
  }
  Array.prototype.push = Array.prototype.slice = () => 'forged';
  String.prototype.slice = String.prototype.includes = () => 'forged';
  RegExp.prototype.exec = () => null;
  real.href = new URL('https://a.example').href;
  try {
    console.log({ a: [1, new Map([[1, 2]])] });
  } catch {}
  return [7, real.href];
};
