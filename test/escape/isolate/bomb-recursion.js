// Recursion without end.
// expect: threw RangeError
export default function down() {
  return down() + 1;
}
