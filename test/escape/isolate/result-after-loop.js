// The result is reported, and microtasks go on without end: no result that came before a kill is believed.
// expect: timed_out
export default () => {
  const again = () => Promise.resolve().then(again);
  again();
  return { early: 1 };
};
