/** A value that JSON can carry. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/** A JSON object. Built by `JSON.parse` or with a null prototype where keys come from outside. */
export interface JsonObject {
  [key: string]: JsonValue;
}
