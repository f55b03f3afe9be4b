// Frames of the wire format, printed: they are text.
// expect: completed "on"
export default () => {
  console.log('\u0000\u0000\u0000\u0002\u000b\u0000\u0000\u0000\u0001{}');
  return 'on';
};
