// Name, message and stack that would pass for frames of the wire, lines of a log, and paths.
// expect: threw {"kind":"returned"}
export default () => {
  const error = new Error('\u0000\u0000\u0000\u0002\u000b\u0000\u0000\u0000\u0001{}');
  error.name = '{"kind":"returned"}';
  error.stack = 'at stringify (<anonymous>)\n    at x (tool.js:1:1)\ud800\u0000';
  throw error;
};
