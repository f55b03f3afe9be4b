// A __proto__ key is data on its way out.
// expect: completed {"__proto__":{"polluted":true}}
export default () => JSON.parse('{"__proto__":{"polluted":true}}');
