/** Environment → validated, frozen config. A bad or unknown value is an error that names the variable, never a guess. */
import { readFileSync } from 'node:fs';
import { closest } from 'fastest-levenshtein';
import { clientVariables, variables } from './variables.ts';
import type { Variable } from './variables.ts';

type Variables = typeof variables;
type ValueOf<V> = V extends Variable<infer T> ? T : never;
type OptionalNames =
  | 'bootstrapKey'
  | 'publicUrl'
  | 'trustedProxies'
  | 'dockerHost'
  | 'sealingKey'
  | 'auditSigningKey'
  | 'auditAnchor'
  | 'approvalWebhook'
  | 'runners'
  | 'redisUrl'
  | 'metricsAddress'
  | 'oidcIssuer'
  | 'oidcAudience'
  | 'oidcTenantClaim'
  | 'oidcScopes'
  | 'httpWorkers'
  | 'runnerTlsCert'
  | 'runnerTlsKey'
  | 'runnerTlsCa';

export type Config = {
  readonly [K in keyof Variables]: K extends OptionalNames
    ? ValueOf<Variables[K]> | null
    : ValueOf<Variables[K]>;
};

export interface ConfigSource {
  readonly name: string;
  /** Masked when secret. */
  readonly shown: string;
  readonly from: 'default' | 'environment' | 'file';
  readonly describes: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly sources: readonly ConfigSource[];
  /** Texts that must not be seen anywhere: of secret variables, whole and, of a URL, its password. */
  readonly secrets: readonly string[];
  /** Variables that were ignored on purpose; worth a log line. */
  readonly warnings: readonly string[];
}

/** All that is wrong with the environment, one line each. */
export class ConfigInvalid extends Error {
  override readonly name = 'ConfigInvalid';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** A secret's file is a line of text, not a disk image. */
const secretFileBytesMax = 64 * 1024;

/** Reads every variable. Throws `ConfigInvalid` with every problem at once. */
export function loadConfig(environment: NodeJS.ProcessEnv): LoadedConfig {
  const problems: string[] = [];
  const warnings: string[] = [];
  const sources: ConfigSource[] = [];
  const secrets: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [field, variable] of Object.entries(variables) as [string, Variable<unknown>][]) {
    const raw = readRaw(variable, environment, problems);
    const text = raw?.text ?? variable.default;
    let value: unknown = null;
    if (text !== null) {
      try {
        value = variable.parse(text);
      } catch (error) {
        problems.push(
          `${variable.name} ${error instanceof Error ? error.message : 'is not valid'}${variable.secret ? '' : `, not "${text}"`}`,
        );
      }
    }
    if (variable.secret && text !== null) secrets.push(...secretsIn(text));
    values[field] = value;
    sources.push({
      name: variable.name,
      shown: text === null ? '' : variable.secret ? '********' : text,
      from: raw?.from ?? 'default',
      describes: variable.describes,
    });
  }
  checkUnknown(environment, problems, warnings);
  checkOidc(values as Config, problems);
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return { config: Object.freeze(values) as Config, sources, secrets, warnings };
}

/** What stands only together. Without scopes a token could do nothing, and nobody would know why. */
function checkOidc(
  { oidcIssuer, oidcAudience, oidcScopes, oidcTenantClaim }: Config,
  problems: string[],
): void {
  const needed = { SALLYPORT_OIDC_AUDIENCE: oidcAudience, SALLYPORT_OIDC_SCOPES: oidcScopes };
  for (const [name, value] of Object.entries(needed)) {
    if (oidcIssuer !== null && value === null)
      problems.push(`${name} must be set with SALLYPORT_OIDC_ISSUER`);
    if (oidcIssuer === null && value !== null) problems.push(`${name} needs SALLYPORT_OIDC_ISSUER`);
  }
  if (oidcIssuer === null && oidcTenantClaim !== null)
    problems.push('SALLYPORT_OIDC_TENANT_CLAIM needs SALLYPORT_OIDC_ISSUER');
}

/** The path of a web address may be its token; that of a database's is a name, which is also in ordinary paths. */
function secretsIn(text: string): readonly string[] {
  const { password = '', pathname = '', protocol = '', search = '' } = URL.parse(text) ?? {};
  return [
    text,
    ...text.split(',').map((part) => part.trim()),
    password,
    safelyDecoded(password),
    /^https?:$/.test(protocol) ? pathname + search : search,
  ];
}

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readRaw(
  variable: Variable<unknown>,
  environment: NodeJS.ProcessEnv,
  problems: string[],
): { text: string; from: 'environment' | 'file' } | null {
  const direct = isServicePort(variable.name, environment[variable.name])
    ? undefined
    : environment[variable.name];
  const fileName = variable.secret ? environment[`${variable.name}_FILE`] : undefined;
  if (direct !== undefined && fileName !== undefined) {
    problems.push(`${variable.name} and ${variable.name}_FILE are both set; keep one`);
    return null;
  }
  if (direct !== undefined) return { text: direct, from: 'environment' };
  if (fileName === undefined) return null;
  try {
    const content = readFileSync(fileName);
    if (content.length > secretFileBytesMax) throw new Error(`is larger than ${secretFileBytesMax} bytes`);
    return { text: content.toString('utf8').trim(), from: 'file' };
  } catch (error) {
    problems.push(
      `${variable.name}_FILE: cannot read ${fileName}: ${error instanceof Error ? error.message : 'unknown error'}`,
    );
    return null;
  }
}

/** Kubernetes adds `<SERVICE>_SERVICE_HOST`, `<SERVICE>_PORT` and `<SERVICE>_PORT_80_TCP…` for every service. */
const serviceLink =
  /^SALLYPORT(_[A-Z0-9_]+)?_(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$/;

function checkUnknown(environment: NodeJS.ProcessEnv, problems: string[], warnings: string[]): void {
  const known = Object.values(variables).flatMap((variable) =>
    variable.secret ? [variable.name, `${variable.name}_FILE`] : [variable.name],
  );
  for (const name of Object.keys(environment).toSorted()) {
    const isLink = serviceLink.test(name) || isServicePort(name, environment[name]);
    if (!name.startsWith('SALLYPORT_') || (known.includes(name) && !isLink)) continue;
    if ((clientVariables as readonly string[]).includes(name)) {
      warnings.push(`${name} is for the command-line client; the server ignores it`);
    } else if (isLink) {
      warnings.push(`${name} looks like a Kubernetes service link and is ignored`);
    } else {
      problems.push(`${name} is not known; did you mean ${closest(name, known)}?`);
    }
  }
}

/** A service called `sallyport` makes Kubernetes set `SALLYPORT_PORT=tcp://…`: not our port. */
function isServicePort(name: string, value: string | undefined): boolean {
  return name.endsWith('_PORT') && /^(tcp|udp):\/\//.test(value ?? '');
}
