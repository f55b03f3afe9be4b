/** A secret as systems print it: what a tool really hands back is never the bare token. */
import type { JsonValue } from '../../../src/model/json.ts';
import type { Random } from './random.ts';

export interface Setting {
  readonly name: string;
  /** Whether the variable's name stands beside the token, so that a token without marks of its own can be known. */
  readonly namesIt: boolean;
  readonly print: (secret: string, variable: string, random: Random) => string | JsonValue;
  /** What must not be left, when it is not the secret itself. */
  readonly leak?: (secret: string) => string;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const camel = (variable: string) =>
  variable.toLowerCase().replaceAll(/[^a-z0-9]+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const shell = (variable: string) => variable.replaceAll(/[^A-Za-z0-9_]+/g, '_').replace(/^_/, '');

const files: readonly Setting[] = [
  {
    name: 'env file',
    namesIt: true,
    print: (secret, variable) => `# production\nPORT=8080\n${shell(variable)}=${secret}\nLOG_LEVEL=info\n`,
  },
  {
    name: 'shell export, quoted',
    namesIt: true,
    print: (secret, variable) => `export ${shell(variable)}="${secret}"\nexport EDITOR=vim\n`,
  },
  {
    name: 'PowerShell',
    namesIt: true,
    print: (secret, variable) => `PS C:\\app> $env:${shell(variable)} = '${secret}'\r\n`,
  },
  {
    name: 'YAML',
    namesIt: true,
    print: (secret, variable) =>
      `services:\n  web:\n    image: nginx:1.27\n    environment:\n      ${shell(variable)}: ${secret}\n      TZ: UTC\n`,
  },
  {
    name: 'INI',
    namesIt: true,
    print: (secret, variable) =>
      `[default]\nregion = eu-west-1\n${shell(variable).toLowerCase()} = ${secret}\n\n[other]\n`,
  },
  {
    name: 'TOML, camel case',
    namesIt: true,
    print: (secret, variable) =>
      `[service]\nurl = "https://api.example.com"\n${camel(variable)} = "${secret}"\n`,
  },
  {
    name: 'Terraform',
    namesIt: true,
    print: (secret, variable) =>
      `resource "kubernetes_secret" "app" {\n  data = {\n    ${shell(variable).toLowerCase()} = "${secret}"\n  }\n}\n`,
  },
  {
    name: 'Kubernetes manifest',
    namesIt: true,
    print: (secret, variable) =>
      `        env:\n        - name: ${shell(variable)}\n          value: ${JSON.stringify(secret)}\n        - name: MODE\n          value: prod\n`,
  },
  {
    name: 'source code',
    namesIt: true,
    print: (secret, variable) =>
      `import { Client } from 'vendor';\n\nconst ${camel(variable)} = '${secret}';\nexport const client = new Client(${camel(variable)});\n`,
  },
];

const outputs: readonly Setting[] = [
  { name: 'bare', namesIt: false, print: (secret) => secret },
  {
    name: 'JSON result',
    namesIt: true,
    print: (secret, variable) => ({ status: 200, config: { [camel(variable)]: secret, region: 'eu' } }),
  },
  {
    name: 'JSON text',
    namesIt: true,
    print: (secret, variable) => JSON.stringify({ id: 7, [shell(variable)]: secret, active: true }, null, 2),
  },
  {
    name: 'JSON in a log line',
    namesIt: true,
    print: (secret, variable, random) =>
      JSON.stringify({
        level: 30,
        time: 1_764_000_000_000 + random.below(1_000_000),
        msg: `loaded ${JSON.stringify({ [shell(variable)]: secret })}`,
      }),
  },
  {
    name: 'docker inspect',
    namesIt: true,
    print: (secret, variable) => [
      { Id: 'f3b2c1', Config: { Env: ['PATH=/usr/bin', `${shell(variable)}=${secret}`, 'LANG=C'] } },
    ],
  },
  {
    name: 'Python repr',
    namesIt: true,
    print: (secret, variable) =>
      `{'host': 'api.example.com', '${shell(variable).toLowerCase()}': '${secret}', 'retries': 3}`,
  },
  {
    name: 'CI log',
    namesIt: true,
    print: (secret, variable) =>
      `2026-11-24T09:12:44.1203321Z ##[group]Run deploy\n2026-11-24T09:12:44.1210022Z   ${shell(variable)}: ${secret}\n2026-11-24T09:12:44.1210410Z ##[endgroup]\n`,
  },
  {
    name: 'coloured log',
    namesIt: true,
    print: (secret, variable) =>
      `\u001b[32mINFO\u001b[0m using \u001b[1m${shell(variable)}\u001b[0m=\u001b[36m${secret}\u001b[0m\n`,
  },
  {
    name: 'curl with a bearer header',
    namesIt: false,
    print: (secret) => `+ curl -sS -H 'Authorization: Bearer ${secret}' https://api.example.com/v1/me\n`,
  },
  {
    name: 'request header dump',
    namesIt: false,
    print: (secret) =>
      `> GET /v1/me HTTP/1.1\r\n> Host: api.example.com\r\n> X-Api-Key: ${secret}\r\n> Accept: */*\r\n`,
  },
  {
    name: 'URL query',
    namesIt: false,
    print: (secret) => `GET https://api.example.com/v1/things?limit=10&token=${secret}&sort=asc 401\n`,
  },
  {
    name: 'URL query, percent-encoded',
    namesIt: false,
    print: (secret) => `https://api.example.com/callback?state=x&token=${encodeURIComponent(secret)}`,
    leak: encodeURIComponent,
  },
  {
    name: 'git remote',
    namesIt: false,
    print: (secret) => `origin\thttps://oauth2:${secret}@git.example.com/acme/app.git (fetch)\n`,
  },
  {
    name: 'process list',
    namesIt: false,
    print: (secret) =>
      `app   4211  0.3  1.2 ?  Ssl 09:12  0:04 /usr/bin/agent --listen :80 --token ${secret} --debug\n`,
  },
  {
    name: 'stack trace',
    namesIt: false,
    print: (secret) =>
      `Error: 401 Unauthorized (credentials "${secret}" rejected)\n    at Client.request (/app/node_modules/vendor/client.js:118:13)\n    at async main (/app/index.js:9:3)\n`,
  },
  {
    name: 'CSV row',
    namesIt: false,
    print: (secret, _, random) => `id,owner,value,created\n${random.uuid()},ops,${secret},2026-11-24\n`,
  },
  {
    name: 'Markdown',
    namesIt: false,
    print: (secret) => `## Access\n\nUse \`${secret}\` until Friday, then ask ops.\n`,
  },
  {
    name: 'XML',
    namesIt: false,
    print: (secret) => `<settings><server><id>repo</id><password>${secret}</password></server></settings>`,
  },
];

const encoded: readonly Setting[] = [
  {
    name: 'Kubernetes secret, base64',
    namesIt: true,
    print: (secret, variable) =>
      `apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\ndata:\n  ${shell(variable)}: ${base64(secret)}\n`,
    leak: (secret) => base64(secret).replace(/=+$/, '').slice(0, -2),
  },
  {
    name: 'base64 of an env file',
    namesIt: true,
    print: (secret, variable) => base64(`PORT=8080\n${shell(variable)}=${secret}\n`),
    leak: (secret) => base64(secret).slice(4, -8),
  },
];

export const settings: readonly Setting[] = [...files, ...outputs, ...encoded];
