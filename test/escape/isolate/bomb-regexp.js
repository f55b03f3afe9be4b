// A pattern whose program is enormous.
// expect: out_of_memory | threw SyntaxError | threw RangeError | timed_out | threw EvalError
// limits: timeoutMs=3000
export default () => {
  for (let n = 1; ; n += 1) new RegExp(`(?:${'(?:x{1,1000}){1,1000}'.repeat(n)})`).test('x');
};
