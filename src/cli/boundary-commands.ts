import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { BoundaryProfile, BoundaryReport, CustomDetector } from '../model/finding.ts';
import type { Revision } from '../policy/revision.ts';
import { CommandFailed } from './command-failed.ts';
import type { Output } from './output.ts';
import { printable, table } from './output.ts';
import { directoriesOf } from './policy/directories.ts';
import { reasonOf } from './reason-of.ts';
import { repeatable } from './repeatable.ts';

interface ProfileOptions {
  readonly dir?: readonly string[];
  readonly profile?: readonly string[];
}

interface ScanOptions extends ProfileOptions {
  readonly print?: true;
}

const profileHelp = 'a boundary profile (default: standard); of several the strictest action counts';
const directoryHelp = 'policy directories; SALLYPORT_POLICY_DIR, else ./policies';

export function addBoundaryCommands(program: Command, output: () => Output): void {
  const boundary = program
    .command('boundary')
    .description('try the filter on a file or a pipe, and see what it looks for; needs no server');
  boundary
    .command('scan')
    .description('what the filter would do to this text on its way out; ends with 1 when it finds something')
    .argument('[file]', 'a file, or - for standard input', '-')
    .addOption(repeatable('--profile <name>', profileHelp))
    .addOption(repeatable('--dir <dir>', directoryHelp))
    .option('--print', 'print the filtered text on standard output and the report on standard error')
    .action((file: string, options: ScanOptions) => scan(file, options, output()));
  boundary
    .command('explain')
    .description('the detectors, where their formats are published, and what a hit leads to under a profile')
    .argument('[detector]', 'one detector, with its examples; all without')
    .addOption(repeatable('--profile <name>', profileHelp))
    .addOption(repeatable('--dir <dir>', directoryHelp))
    .action((detector: string | undefined, options: ProfileOptions) => explain(detector, options, output()));
}

async function scan(file: string, options: ScanOptions, out: Output): Promise<void> {
  const { createBoundary } = await import('../boundary/boundary.ts');
  const profiles = await readProfiles(options);
  // The suffixes of placeholders compare within one run only: there is no server whose key this could be.
  const boundary = createBoundary({ redactionKey: randomBytes(32), knownSecrets: [] });
  const nothing = new Uint8Array();
  const { report, blocked, stdout } = boundary.filterOutput(
    { result: null, error: null, stdout: readInput(file), stderr: nothing, artifacts: [] },
    profiles,
  );
  const shown = { ...report, findings: report.findings.map((finding) => nameByte(finding)) };
  if (options.print === true) {
    process.stdout.write(stdout);
    process.stderr.write(`${describe(shown, out)}${blocked ? '\nwithheld as a whole' : ''}\n`);
  } else out.show(shown, () => describe(shown, out));
  if (report.verdict !== 'clean') process.exitCode = 1;
}

/** A stream has no name here: only the byte matters. */
function nameByte<T extends { readonly where: string }>(finding: T): T {
  return { ...finding, where: finding.where.replace(/^stdout@/, 'byte ') };
}

function describe({ verdict, findings }: BoundaryReport, out: Output): string {
  const head = verdict === 'clean' ? out.paint.good(verdict) : out.paint.bad(verdict);
  const rows = findings.map(({ action, detector, where, count, confidence, via }) => [
    action,
    detector,
    where,
    `×${count}`,
    [confidence, ...via.map((each) => `via ${each}`)].join(' '),
  ]);
  return rows.length === 0 ? head : `${head}\n${table(rows)}`;
}

async function explain(id: string | undefined, options: ProfileOptions, out: Output): Promise<void> {
  const [{ detectors }, { inboundActions, outboundActions }] = await Promise.all([
    import('../boundary/detectors.ts'),
    import('../boundary/actions.ts'),
  ]);
  const profiles = await readProfiles(options);
  const custom = profiles.flatMap((profile) => profile.detectors.map((each) => ofPolicy(each, profile)));
  const ids = custom.map((detector) => detector.id);
  const inbound = inboundActions(profiles, ids);
  const outbound = outboundActions(profiles, ids);
  const all = [...custom, ...detectors];
  const asked = all.filter((detector) => id === undefined || detector.id === id);
  if (asked.length === 0)
    throw new CommandFailed(
      1,
      `There is no detector "${id}". "sallyport boundary explain" lists all ${all.length}.`,
    );
  const shown = asked.map(({ id, title, family, source }) => ({
    detector: id,
    title,
    family,
    source,
    inbound: inbound(id),
    outbound: outbound(id),
  }));
  const [first] = shown;
  const examples = asked[0]?.examples ?? { hit: [], miss: [] };
  if (id !== undefined && first !== undefined) {
    const one = { ...first, examples };
    out.show(one, () => describeDetector(one));
  } else {
    out.show(shown, () =>
      table(shown.map((each) => [each.detector, each.family, each.inbound, each.outbound, each.title])),
    );
  }
}

function ofPolicy({ id, title, examples }: CustomDetector, profile: BoundaryProfile) {
  return { id, title, examples, family: 'secrets', source: `the boundary profile ${profile.name}` };
}

interface Explained {
  readonly detector: string;
  readonly title: string;
  readonly source: string;
  readonly inbound: string;
  readonly outbound: string;
  readonly examples: { readonly hit: readonly string[]; readonly miss: readonly string[] };
}

function describeDetector({ detector, title, source, inbound, outbound, examples }: Explained): string {
  const quote = (text: string) => `  ${printable(JSON.stringify(text))}`;
  return [
    `${detector}: ${title}`,
    `source    ${source}`,
    `inbound   ${inbound}`,
    `outbound  ${outbound}`,
    'found in',
    ...examples.hit.map(quote),
    'not found in',
    ...examples.miss.map(quote),
  ].join('\n');
}

async function readProfiles({
  dir,
  profile = ['standard'],
}: ProfileOptions): Promise<readonly BoundaryProfile[]> {
  const boundaries = await readBoundaries(directoriesOf(dir ?? []));
  return profile.map((name) => {
    const found = boundaries.get(name);
    if (found !== undefined) return found;
    const known = [...boundaries.keys()].join(', ');
    throw new CommandFailed(2, `There is no boundary profile "${name}". Known: ${known}.`);
  });
}

/** Exit 2: the end with 1 says that something was found. */
async function readBoundaries(directories: readonly string[]): Promise<Revision['boundaries']> {
  const [{ PolicyInvalid }, { revisionOfFiles }] = await Promise.all([
    import('../policy/load-revision.ts'),
    import('./policy/named-revision.ts'),
  ]);
  try {
    return (await revisionOfFiles(directories)).boundaries;
  } catch (error) {
    if (!(error instanceof PolicyInvalid)) throw error;
    throw new CommandFailed(2, error.message, { cause: error });
  }
}

function readInput(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    throw new CommandFailed(2, `Cannot read ${file === '-' ? 'standard input' : file}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}
