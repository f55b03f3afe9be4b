/** `Scope` documents: what the files under a path may define and name. All scopes that match a file hold. */
import path from 'node:path';
import type {
  AnyResource,
  CredentialResource,
  PolicyResource,
  ScopeResource,
  ToolSelector,
} from '../documents.ts';
import { matchesGlob, selectsTool } from '../selectors.ts';
import type { CompiledTool } from './compile-tool.ts';
import type { Findings } from './findings.ts';
import { toolsMeant } from './select-tools.ts';

/** Tools outside that one message names. */
const NAMED_MAX = 3;

export interface ScopeContext {
  readonly resources: readonly AnyResource[];
  readonly tools: ReadonlyMap<string, CompiledTool>;
  readonly findings: Findings;
}

/** Reports every document that reaches out of a scope that its file lies in. */
export function checkScopes(scopes: readonly ScopeResource[], context: ScopeContext): void {
  for (const scope of scopes) {
    const inside = context.resources.filter((resource) => resource !== scope && isUnder(scope, resource));
    for (const resource of inside) new ScopeCheck(scope, resource, context).check();
    if (inside.length > 0) continue;
    context.findings.warn(scope.source, '/spec/path', `no file lies under "${scope.spec.path}"`);
  }
}

function isUnder({ spec }: ScopeResource, { source }: AnyResource): boolean {
  const file = path.relative(source.directory, source.file).split(path.sep).join('/');
  return path.posix.matchesGlob(file, spec.path);
}

class ScopeCheck {
  readonly #scope: ScopeResource;
  readonly #resource: AnyResource;
  readonly #context: ScopeContext;

  constructor(scope: ScopeResource, resource: AnyResource, context: ScopeContext) {
    this.#scope = scope;
    this.#resource = resource;
    this.#context = context;
  }

  check(): void {
    const { kinds, tools } = this.#scope.spec;
    const resource = this.#resource;
    if (kinds !== undefined && !kinds.includes(resource.kind)) {
      this.#complain('/kind', `may hold ${kinds.join(', ')} only`);
    }
    switch (resource.kind) {
      case 'Tool': {
        const labels = resource.metadata.labels ?? [];
        const tool = { name: resource.metadata.name, labels };
        if (tools?.some((selector) => selectsTool(selector, tool)) === false) {
          this.#complain('/metadata/name', `may not define the tool "${tool.name}"`);
        }
        return;
      }
      case 'Policy':
        this.#checkPolicy(resource);
        return;
      case 'Credential':
        this.#checkCredential(resource);
        return;
      default:
    }
  }

  #checkPolicy({ spec }: PolicyResource): void {
    for (const [at, { tenants }] of spec.subjects.entries()) {
      this.#checkTenants(tenants, `/spec/subjects/${at}`);
    }
    for (const [at, rule] of (spec.rules ?? []).entries()) {
      this.#checkTools(rule.tools, `/spec/rules/${at}/tools`);
      for (const [approver, { tenants }] of (rule.approval?.approvers ?? []).entries()) {
        if (tenants === undefined) continue;
        this.#checkTenants(tenants, `/spec/rules/${at}/approval/approvers/${approver}`);
      }
    }
    for (const [at, quota] of (spec.quotas ?? []).entries()) {
      if (quota.tools !== undefined) this.#checkTools(quota.tools, `/spec/quotas/${at}/tools`);
      else if (this.#scope.spec.tools !== undefined) {
        this.#complain(
          `/spec/quotas/${at}`,
          'must name the tools of a quota',
          'a quota without tools means all',
        );
      }
    }
  }

  #checkCredential({ metadata, spec }: CredentialResource): void {
    const { credentials } = this.#scope.spec;
    if (credentials?.some((pattern) => matchesGlob(pattern, metadata.name)) === false) {
      this.#complain('/metadata/name', `may not define the credential "${metadata.name}"`);
    }
    this.#checkTenants(spec.tenants, '/spec');
    const tools = spec.allow?.tools;
    if (tools !== undefined) this.#checkTools(tools, '/spec/allow/tools');
    else if (this.#scope.spec.tools !== undefined) {
      this.#complain('/spec', 'must name the tools that may use a credential', 'add allow: {tools: […]}');
    }
  }

  #checkTenants(tenants: readonly string[] | undefined, pointer: string): void {
    const allowed = this.#scope.spec.tenants;
    if (allowed === undefined) return;
    if (tenants === undefined) {
      this.#complain(pointer, 'must name tenants', `one or more of ${allowed.join(', ')}`);
      return;
    }
    for (const [at, tenant] of tenants.entries()) {
      if (allowed.includes(tenant)) continue;
      this.#complain(`${pointer}/tenants/${at}`, `may not reach the tenant "${tenant}"`);
    }
  }

  #checkTools(selectors: readonly ToolSelector[], pointer: string): void {
    const allowed = this.#scope.spec.tools;
    if (allowed === undefined) return;
    for (const [at, selector] of selectors.entries()) {
      const outside = toolsMeant(selector, this.#context.tools)
        .map(({ tool }) => tool)
        .filter((tool) => !allowed.some((one) => selectsTool(one, tool)))
        .map(({ name }) => name);
      if (outside.length === 0) continue;
      const more = outside.length > NAMED_MAX ? ` and ${outside.length - NAMED_MAX} more` : '';
      this.#complain(`${pointer}/${at}`, `may not reach ${outside.slice(0, NAMED_MAX).join(', ')}${more}`);
    }
  }

  /** `message` goes on after "files under payments/** ". */
  #complain(pointer: string, message: string, hint?: string): void {
    const { source, spec } = this.#scope;
    const { line, column } = source.locate('/spec');
    const place = `scope at ${source.file}:${line}:${column}`;
    const because = hint === undefined ? place : `${hint}; ${place}`;
    this.#context.findings.error(
      this.#resource.source,
      pointer,
      `files under ${spec.path} ${message}`,
      because,
    );
  }
}
