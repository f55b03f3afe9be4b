/**
 * Node says at the first TypeScript tool that its type stripping is experimental. Its version is pinned and tested with
 * ours, so that tells an operator nothing; all else that Node warns of goes to stderr as before.
 */
export function withoutExperimentalWarnings(process: NodeJS.Process): void {
  const print = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name === 'ExperimentalWarning') return;
    for (const listener of print) listener(warning);
  });
}
