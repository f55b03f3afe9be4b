// A revoked proxy is thrown: reading anything of it throws again.
// expect: threw Error
export default () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  throw proxy;
};
