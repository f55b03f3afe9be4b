import type { JsonObject } from '../model/json.ts';

/** Uploaded files that an event names in `details.files`: what was uploaded, or what a call took. */
export function fileIds(details: JsonObject | undefined): readonly string[] {
  const files = details?.['files'];
  if (!Array.isArray(files)) return [];
  return files.flatMap((file) =>
    typeof file === 'object' && file !== null && !Array.isArray(file) && typeof file['id'] === 'string'
      ? [file['id']]
      : [],
  );
}
