/** Artifacts as MCP resources: `resource_link`s of results lead here. */
import { ResourceNotFoundError } from '@modelcontextprotocol/server';
import type { ReadResourceResult } from '@modelcontextprotocol/server';
import type { Caller } from '../model/principal.ts';
import { invalidParams } from './errors.ts';
import type { McpOptions } from './mcp-options.ts';

/** As base64 in JSON it stands in memory four times over. */
const artifactBytesMax = 8 * 1024 * 1024;
const uriPattern = /^sallyport:\/\/artifacts\/(art_[0-9A-HJKMNP-TV-Z]{26})$/;

export const artifactTemplate = {
  uriTemplate: 'sallyport://artifacts/{id}',
  name: 'artifact',
  title: 'Artifact of a call',
  description: 'A file that a tool wrote. From an untrusted source, as results are.',
} as const;

export function artifactUri(id: string): string {
  return `sallyport://artifacts/${id}`;
}

/**
 * One's own, as exact bytes. Never as text, whatever its type: hosts put text before a model as it is, and this is not
 * marked as what it is. Throws `ResourceNotFoundError`.
 */
export async function readArtifact(
  { onArtifactRead, record }: Pick<McpOptions, 'onArtifactRead' | 'record'>,
  caller: Caller,
  uri: string,
): Promise<ReadResourceResult> {
  const id = uriPattern.exec(uri)?.[1];
  const artifact = id === undefined ? null : await record.getArtifact(id);
  const { principal } = caller;
  const isOwn = artifact?.principal === principal.id && artifact.tenant === principal.tenant;
  if (artifact === null || !isOwn) throw new ResourceNotFoundError(uri);
  if (artifact.data.length > artifactBytesMax)
    throw invalidParams(
      `The file is larger than ${artifactBytesMax} bytes: GET /v1/artifacts/${artifact.id} has it.`,
    );
  await onArtifactRead(caller, artifact.id, artifact.callId);
  return {
    contents: [{ uri, mimeType: artifact.mediaType, blob: Buffer.from(artifact.data).toString('base64') }],
  };
}
