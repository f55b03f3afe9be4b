// JSON.rawJSON lets a guest write its own text: it is still one value.
// expect: completed {"a":1e999} | threw TypeError | completed {"a":null}
export default () => ({ a: typeof JSON.rawJSON === 'function' ? JSON.rawJSON('1e999') : null });
