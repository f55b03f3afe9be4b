// A promise that nothing can settle.
// expect: threw Error
export default () => new Promise(() => {});
