// Catastrophic backtracking inside one call of the engine.
// expect: timed_out
export default () => /^(a+)+$/.test('a'.repeat(40) + '!');
