/** `Boundary` documents: names that mean something, patterns that are linear, examples that hold. */
import type { BoundaryProfile, CustomDetector } from '../../model/finding.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import type { BoundaryResource, CustomDetectorSpec } from '../documents.ts';
import { deepFreeze } from '../freeze.ts';
import { escapePointer } from '../json-pointer.ts';
import { findLinear } from '../linear-pattern.ts';
import { DEFAULT_BOUNDARY } from '../revision.ts';
import type { Findings } from './findings.ts';

/** Of all profiles together: each may be looked for in everything that comes and goes. */
const CUSTOM_DETECTORS_MAX = 32;
/** Nobody may declare harmless what this deployment keeps secret. */
const NEVER_HARMLESS = new Set(['known-secret', 'sallyport-key', '*']);

export function compileBoundaries(
  resources: readonly BoundaryResource[],
  builtIn: ReadonlySet<string>,
  findings: Findings,
): ReadonlyMap<string, BoundaryProfile> {
  const custom = customIds(resources, builtIn, findings);
  const known = new Set([...builtIn, ...custom.keys()]);
  const profiles = new Map<string, BoundaryProfile>();
  profiles.set(DEFAULT_BOUNDARY, profileOf(DEFAULT_BOUNDARY, {}));
  for (const resource of resources) {
    checkNames(resource, known, findings);
    for (const [at, detector] of (resource.spec.detectors ?? []).entries())
      checkDetector(resource, detector, `/spec/detectors/${at}`, findings);
    profiles.set(resource.metadata.name, profileOf(resource.metadata.name, resource.spec));
  }
  return profiles;
}

/** Ids of the detectors that are added, each once. */
function customIds(
  resources: readonly BoundaryResource[],
  builtIn: ReadonlySet<string>,
  findings: Findings,
): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const { metadata, source, spec } of resources) {
    for (const [at, { id }] of (spec.detectors ?? []).entries()) {
      const place = `/spec/detectors/${at}/id`;
      const owner = owners.get(id);
      if (builtIn.has(id))
        findings.error(source, place, `there is a detector "${id}" already`, 'choose another id');
      else if (owner !== undefined)
        findings.error(source, place, `profile ${owner} has a detector "${id}"`, 'choose another id');
      else if (owners.size === CUSTOM_DETECTORS_MAX)
        findings.error(source, place, `more than ${CUSTOM_DETECTORS_MAX} detectors are added`, 'join some');
      owners.set(id, owner ?? metadata.name);
    }
  }
  return owners;
}

function checkNames(
  { source, spec }: BoundaryResource,
  known: ReadonlySet<string>,
  findings: Findings,
): void {
  const check = (detector: string, place: string): void => {
    if (known.has(detector)) return;
    findings.error(source, place, `unknown detector "${detector}"`, didYouMeanHint(detector, known));
  };
  for (const part of ['inbound', 'outbound', 'taints'] as const)
    for (const detector of Object.keys(spec[part] ?? {}))
      check(detector, `/spec/${part}/${escapePointer(detector)}`);
  for (const [at, { detector }] of (spec.allow?.texts ?? []).entries()) {
    const place = `/spec/allow/texts/${at}/detector`;
    check(detector, place);
    if (NEVER_HARMLESS.has(detector))
      findings.error(source, place, `what ${detector} finds is never harmless`, 'name the one that finds it');
  }
}

function checkDetector(
  { source }: BoundaryResource,
  detector: CustomDetectorSpec,
  place: string,
  findings: Findings,
): void {
  const { examples, id, keywords, pattern } = detector;
  let find: ReturnType<typeof findLinear>;
  try {
    find = findLinear(pattern);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    findings.error(source, `${place}/pattern`, message, 'no look-around, no back-references');
    return;
  }
  const isFound = (text: string): boolean =>
    text
      .split('\n')
      .some((line) => find(line).some((match) => keywords.some((word) => match.includes(word))));
  if (find('').length > 0)
    findings.error(source, `${place}/pattern`, 'matches the empty text', 'say what has to be there');
  if (isFound(`[REDACTED:${id}:0123]`)) {
    const hint =
      'what is put in its place would be taken out again: choose another id, or narrow the pattern';
    findings.error(source, `${place}/pattern`, 'finds its own placeholder', hint);
  }
  for (const [at, text] of examples.hit.entries()) {
    if (isFound(text)) continue;
    const hint = keywords.some((word) => text.includes(word))
      ? 'the pattern has to match within a line, with a keyword in the match'
      : 'none of the keywords is in it (they are compared with their case)';
    findings.error(source, `${place}/examples/hit/${at}`, 'this example is not found', hint);
  }
  for (const [at, text] of examples.miss.entries()) {
    if (isFound(text))
      findings.error(source, `${place}/examples/miss/${at}`, 'this example is found', 'narrow the pattern');
  }
}

function profileOf(name: string, spec: BoundaryResource['spec']): BoundaryProfile {
  const { inbound = {}, outbound = {}, artifacts = 'any', taints = {}, stream = 'buffered', allow } = spec;
  const own = spec.detectors ?? [];
  return deepFreeze({
    name,
    inbound: { detectors: { ...byId(own, ({ inbound: action = 'flag' }) => action), ...inbound } },
    outbound: { detectors: { ...byId(own, ({ outbound: action = 'redact' }) => action), ...outbound } },
    artifacts,
    taints: { ...taints },
    detectors: own.map(customDetector),
    allow: {
      hosts: [...(allow?.hosts ?? [])],
      texts: (allow?.texts ?? []).map(({ detector, text }) => ({ detector, text })),
    },
    stream,
  });
}

function byId<T>(
  detectors: readonly CustomDetectorSpec[],
  choose: (detector: CustomDetectorSpec) => T,
): Readonly<Record<string, T>> {
  return Object.fromEntries(detectors.map((detector) => [detector.id, choose(detector)]));
}

function customDetector({ id, title, keywords, pattern, examples }: CustomDetectorSpec): CustomDetector {
  const { hit, miss } = examples;
  return {
    id,
    title: title ?? id,
    keywords: [...keywords],
    pattern,
    examples: { hit: [...hit], miss: [...miss] },
  };
}
