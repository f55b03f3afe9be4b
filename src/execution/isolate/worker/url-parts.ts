/** `URL` for the guest: strings in, one JSON string out. */

/** Longest href, base or component, characters. */
const urlCharsMax = 64 * 1024;
const settable: ReadonlySet<string> = new Set([
  'href',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
]);

/** The parts as JSON, `null` in JSON when it is no URL. `component` names what to set to `value`, if anything. */
export function urlPartsOf(href: string, base: string, component: string, value: string): string {
  if (href.length + base.length + value.length > urlCharsMax) return 'null';
  try {
    const url = component === 'base' ? new URL(href, base) : new URL(href);
    if (component === 'query') url.search = value;
    else if (settable.has(component)) Reflect.set(url, component, value);
    const { hash, host, hostname, origin, password, pathname, port, protocol, search, username } = url;
    return JSON.stringify({
      href: url.href,
      hash,
      host,
      hostname,
      origin,
      password,
      pathname,
      port,
      protocol,
      search,
      username,
    });
  } catch {
    return 'null';
  }
}
