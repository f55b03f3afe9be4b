// Catches and goes on: termination by exception would not end it.
// expect: timed_out
export default function again() {
  for (;;) {
    try {
      for (;;);
    } catch {
    } finally {
      again();
    }
  }
}
