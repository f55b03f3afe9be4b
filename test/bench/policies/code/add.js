export default ({ a, b }) => ({ sum: a + b });
