import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectory } from '../../model/make-directory.ts';
import { CommandFailed } from '../command-failed.ts';

/** `sallyport policy schema`: JSON on one line, or, with a directory, a file for each kind and `document.json` for all. */
export async function schema(kind: string | undefined, directory: string | undefined): Promise<void> {
  const { publishedSchemas } = await import('../../policy/schemas/published.ts');
  const schemas = publishedSchemas();
  if (directory !== undefined) {
    if (kind !== undefined) throw new CommandFailed(2, '--write writes every kind: leave the kind out.');
    makeDirectory(directory, 0o777);
    for (const [name, content] of schemas) {
      await writeFile(path.join(directory, `${name}.json`), `${JSON.stringify(content)}\n`);
    }
    return;
  }
  const published = schemas.get(kind?.toLowerCase() ?? 'document');
  if (published === undefined) {
    throw new CommandFailed(2, `There is no kind "${kind}"; known: ${[...schemas.keys()].join(', ')}.`);
  }
  process.stdout.write(`${JSON.stringify(published)}\n`);
}
