// A result over its cap.
// expect: output_limit
export default () => 'x'.repeat(70_000);
