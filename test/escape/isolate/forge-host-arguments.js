// Constructors that the guest's globals are made with are replaced, so that objects would cross to the host.
// expect: completed ["TypeError","TypeError"]
export default () => {
  const nameOf = (attempt) => {
    try {
      return attempt();
    } catch (error) {
      return error.name;
    }
  };
  const { String: text, Uint8Array: bytes } = globalThis;
  URL.canParse('https://a.example');
  globalThis.String = () => ({ an: 'object' });
  const url = nameOf(() => new URL('https://a.example').href);
  globalThis.String = text;
  const view = new Uint8Array(4);
  crypto.randomUUID();
  globalThis.Uint8Array = function () {
    return { length: { an: 'object' } };
  };
  const random = nameOf(() => crypto.getRandomValues(view));
  globalThis.Uint8Array = bytes;
  return [url, random];
};
