// Few characters, many bytes: the cap counts bytes.
// expect: output_limit
export default () => '€'.repeat(30_000);
