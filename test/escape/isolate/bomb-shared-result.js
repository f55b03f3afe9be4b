// A small graph that is huge once written as JSON.
// expect: output_limit | out_of_memory | threw RangeError
// limits: timeoutMs=25000
export default () => {
  let graph = ['x'];
  for (let n = 0; n < 24; n += 1) graph = [graph, graph];
  return graph;
};
