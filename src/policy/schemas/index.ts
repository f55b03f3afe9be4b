import type { Kind } from '../documents.ts';
import { boundarySchema } from './boundary.ts';
import { imageSchema } from './image.ts';
import { policySchema } from './policy.ts';
import { toolSchema } from './tool.ts';

/** The published JSON Schema (draft 2020-12) of each kind of policy document, for editors and for `load`. */
export const policySchemas: Readonly<Record<Kind, object>> = Object.freeze({
  Tool: toolSchema,
  Policy: policySchema,
  Image: imageSchema,
  Boundary: boundarySchema,
});

/** Kinds and fields that are planned but not built. They are refused by name, so that nobody believes them in force. */
export const kindsNotSupported: readonly string[] = Object.freeze([
  'Constants',
  'Scope',
  'Credential',
  'PolicyTest',
  'Upstream',
  'Provider',
  'Agent',
]);
export const fieldsNotSupported: readonly string[] = Object.freeze([
  'egress',
  'returns',
  'cost',
  'approval',
  'amount',
  'onStoreLoss',
  'pool',
  'stream',
  '$const',
]);
export const valuesNotSupported: readonly string[] = Object.freeze([
  'require_approval',
  'shadow',
  'cpu_ms',
  'wall_ms',
  'output_bytes',
  'egress_bytes',
  'cost_usd',
  'tokens',
]);
