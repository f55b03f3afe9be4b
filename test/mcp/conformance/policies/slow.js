export default async () => {
  await new Promise((resolve) => setTimeout(resolve, 2300));
  return 'done';
};
