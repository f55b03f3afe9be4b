export default async () => {
  await new Promise((resolve) => setTimeout(resolve, 2300));
  throw new Error('failed');
};
