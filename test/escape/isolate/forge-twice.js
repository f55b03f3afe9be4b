// The first outcome stands: a timer that throws after the result changes nothing.
// expect: completed 1
export default () => {
  setTimeout(() => {
    throw new Error('late');
  }, 0);
  return 1;
};
