// A million keys.
// expect: output_limit | out_of_memory
// limits: timeoutMs=15000
export default () => Object.fromEntries(Array.from({ length: 1e6 }, (_, at) => [`k${at}`, 0]));
