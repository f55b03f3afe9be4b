// Microtasks that make microtasks: the isolate never gives control back.
// expect: timed_out
export default async () => {
  for (;;) await null;
};
