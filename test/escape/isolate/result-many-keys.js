// A million keys.
// expect: output_limit | out_of_memory
export default () => Object.fromEntries(Array.from({ length: 1e6 }, (_, at) => [`k${at}`, 0]));
