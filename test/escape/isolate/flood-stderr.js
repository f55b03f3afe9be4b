// Both streams share one cap, and what was dropped is counted.
// expect: completed "on"
export default () => {
  for (let n = 0; n < 400; n += 1) console.error('€'.repeat(1000));
  return 'on';
};
