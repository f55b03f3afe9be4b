import type { LiteralDetector } from '../../detector.ts';
import { inParts } from '../../detector.ts';
import { sample } from '../sample.ts';
import { token } from '../token.ts';

const source =
  'github.com/microsoft/security-utilities, identifiable keys: a signature at a fixed place before the end';

/** Keys that Microsoft makes identifiable: base64 of 32 or 64 bytes with the service's signature inside. */
export const microsoftDetectors: readonly LiteralDetector[] = [
  identifiable('azure-storage-key', 'Azure Storage account key', '+ASt', 76, /[A-Za-z0-9+/]{6}==/, '=='),
  identifiable('azure-cosmos-key', 'Azure Cosmos DB key', 'ACDb', 76, /[A-Za-z0-9+/]{6}==/, '=='),
  identifiable('azure-batch-key', 'Azure Batch account key', '+ABa', 76, /[A-Za-z0-9+/]{6}==/, '=='),
  identifiable('azure-ml-key', 'Azure Machine Learning key', '+AMC', 76, /[A-Za-z0-9+/]{6}==/, '=='),
  identifiable(
    'azure-api-management-key',
    'Azure API Management key',
    'APIM',
    76,
    /[A-Za-z0-9+/]{6}==/,
    '==',
  ),
  identifiable('azure-service-bus-key', 'Azure Service Bus key', '+ASb', 33, /[A-Za-z0-9+/]{6}=/, '='),
  identifiable('azure-event-hub-key', 'Azure Event Hubs key', '+AEh', 33, /[A-Za-z0-9+/]{6}=/, '='),
  identifiable('azure-relay-key', 'Azure Relay key', '+ARm', 33, /[A-Za-z0-9+/]{6}=/, '='),
  identifiable('azure-iot-key', 'Azure IoT Hub key', 'AIoT', 33, /[A-Za-z0-9+/]{6}=/, '='),
  identifiable('azure-event-grid-key', 'Azure Event Grid key', 'AZEG', 76, /[A-Za-z0-9]{4}/, ''),
  identifiable('azure-redis-key', 'Azure Cache for Redis key', 'AzCa', 33, /[A-Za-z0-9+/]{6}=/, '='),
  identifiable('azure-search-key', 'Azure AI Search key', 'AzSe', 42, /[A-Za-z0-9]{6}/, ''),
  identifiable(
    'azure-container-registry-key',
    'Azure Container Registry key',
    '+ACR',
    42,
    /[A-Za-z0-9]{6}/,
    '',
  ),
  identifiable('azure-functions-key', 'Azure Functions key', 'AzFu', 44, /[A-Za-z0-9_-]{6}==/, '=='),
  identifiable('azure-devops-token', 'Azure DevOps personal access token', 'AZDO', 76, /[A-Za-z0-9]{4}/, ''),
  identifiable(
    'azure-ai-key',
    'Azure AI services or Azure OpenAI key',
    'JQQJ99',
    52,
    /[A-Z0-9]{12,20}[A-Za-z0-9]{2,14}/,
    '',
  ),
  token({
    id: 'azure-client-secret',
    title: 'Microsoft Entra client secret',
    source:
      'learn.microsoft.com, Entra, Client secrets; GitHub secret scanning: 3 characters, a digit, Q~, 31 to 34 characters',
    literals: [...'0123456789'].map((digit) => `${digit}Q~`),
    lead: 3,
    pattern: /[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}/y,
    alphabet: /[A-Za-z0-9_~.-]/,
    hit: [
      inParts('q7L', '8Q~', sample('base62', 34)),
      inParts('secret=q7L', '8Q~', sample('base62', 31), ' '),
    ],
    miss: ['abc8Q~short', `abc8Q~${'x'.repeat(34)}`],
  }),
  token({
    id: 'azure-sas-signature',
    title: 'Azure shared access signature',
    source:
      'learn.microsoft.com, Storage, Create a service SAS: sig=, percent-encoded base64 of an HMAC-SHA256',
    literals: ['&sig=', '?sig=', ';sig='],
    pattern: /[&?;]sig=(?<secret>[A-Za-z0-9%+/]{43,63}(?:%3D|%3d|=))/y,
    alphabet: /[A-Za-z0-9%+/]/,
    hit: [
      inParts(
        'https://acme.blob.core.windows.net/c/b?sv=2022-11-02&sr=b',
        '&sig=',
        sample('base62', 43),
        '%3D',
      ),
    ],
    miss: ['?sv=2022-11-02&sig=<signature>', `?sig=${'x'.repeat(43)}%3D`],
  }),
  token({
    id: 'azure-connection-key',
    title: 'Key in an Azure connection string',
    source: 'learn.microsoft.com, Connection strings: AccountKey=, SharedAccessKey= and base64',
    literals: ['AccountKey=', 'SharedAccessKey=', 'AccessKey='],
    pattern: /(?:Account|SharedAccess|Access)Key=(?<secret>[A-Za-z0-9+/]{43,86}={1,2})/y,
    alphabet: /[A-Za-z0-9+/=]/,
    hit: [
      inParts(
        'DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=',
        `${sample('base62', 86)}==;EndpointSuffix=core.windows.net`,
      ),
      inParts(
        'Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=',
        `${sample('base62', 43)}=`,
      ),
    ],
    miss: ['AccountKey=<key>;', `AccountKey=${'x'.repeat(86)}==`],
  }),
];

function identifiable(
  id: string,
  title: string,
  signature: string,
  lead: number,
  tail: RegExp,
  padding: string,
): LiteralDetector {
  const body = signature.startsWith('+') || padding !== '' ? '[A-Za-z0-9+/_-]' : '[A-Za-z0-9]';
  const before = sample('base62', lead);
  const after = tail.source.startsWith('[A-Z0-9]')
    ? sample('upperDigits', 26)
    : sample('base62', padding === '' ? tailUnits(tail) : 6);
  return token({
    id,
    title,
    source,
    literals: [signature],
    lead,
    pattern: new RegExp(`${body}{${lead}}${signature.replace('+', '\\+')}${tail.source}`, 'y'),
    alphabet: /[A-Za-z0-9+/]/,
    hit: [inParts(before, signature, after, padding), inParts('KEY=', before, signature, after, padding)],
    miss: [
      signature,
      `${'x'.repeat(lead)}${signature}${'x'.repeat(26)}`,
      `${before.slice(1)}${signature}${after}${padding}`,
    ],
  });
}

function tailUnits(tail: RegExp): number {
  return Number(/\{(\d+)\}$/.exec(tail.source)?.[1] ?? 6);
}
