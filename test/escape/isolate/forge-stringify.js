// JSON is replaced: the bootstrap kept its own.
// expect: completed {"real":1}
export default () => {
  JSON.stringify = () => '{"forged":1}';
  JSON.parse = () => ({ forged: 1 });
  globalThis.JSON = null;
  return { real: 1 };
};
