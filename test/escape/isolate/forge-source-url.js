// Magic comments would give the guest's code another name.
// expect: completed true
export default () => {
  const thrown = (0, eval)(
    'try { null.x } catch (error) { error.stack }\n//# sourceURL=file:///etc/passwd\n//# sourceMappingURL=http://127.0.0.1/map',
  );
  return thrown.includes('TypeError');
};
