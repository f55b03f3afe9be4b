// A getter that throws in its turn.
// expect: threw Error
export default () => {
  throw {
    get message() {
      throw new Error('inner');
    },
  };
};
