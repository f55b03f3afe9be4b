// Random bytes beyond what is served at once.
// expect: threw RangeError
export default () => crypto.getRandomValues(new Uint8Array(1e6)).length;
