// import.meta tells nothing of the host.
// expect: completed []
export default () => Object.keys(import.meta);
