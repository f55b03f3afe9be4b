// Half a character, which UTF-8 cannot carry raw.
// expect: completed "\ud800"
export default () => '\ud800';
