/** Upper bounds in seconds, close enough for a p50 and a p99 that mean something over their whole range. */

/** Calls and requests: 0.5 ms to 60 s. */
export const latencyBuckets = [
  0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30,
  60,
];

/** Work in this process: 5 µs to 1 s. */
export const workBuckets = [
  0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
  0.05, 0.1, 0.25, 1,
];

/** The disk and other servers: 0.1 ms to 10 s. */
export const waitBuckets = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
