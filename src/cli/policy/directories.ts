/** The directories of a command line, else those that the server would use. */
export function directoriesOf(given: readonly string[]): readonly string[] {
  return given.length > 0 ? given : (process.env['SALLYPORT_POLICY_DIR'] ?? './policies').split(':');
}
