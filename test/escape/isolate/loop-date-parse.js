// Long work inside one call of the engine: internationalisation.
// expect: timed_out | completed 1 | out_of_memory
export default () => {
  for (;;) new Intl.DateTimeFormat('ar-u-nu-thai', { dateStyle: 'full' }).formatToParts(0);
};
