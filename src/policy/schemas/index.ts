import type { Kind } from '../documents.ts';
import { boundarySchema } from './boundary.ts';
import { constantsSchema } from './constants.ts';
import { credentialSchema } from './credential.ts';
import { imageSchema } from './image.ts';
import { policySchema } from './policy.ts';
import { policyTestSchema } from './policy-test.ts';
import { scopeSchema } from './scope.ts';
import { toolSchema } from './tool.ts';

/** The JSON Schema (draft 2020-12) of each kind of policy document, once its constants are put in. */
export const policySchemas: Readonly<Record<Kind, object>> = Object.freeze({
  Tool: toolSchema,
  Policy: policySchema,
  Image: imageSchema,
  Boundary: boundarySchema,
  Credential: credentialSchema,
  Constants: constantsSchema,
  Scope: scopeSchema,
  PolicyTest: policyTestSchema,
});

/** Kinds and fields that are planned but not built. They are refused by name, so that nobody believes them in force. */
export const kindsNotSupported: readonly string[] = Object.freeze(['Upstream', 'Provider', 'Agent']);
export const fieldsNotSupported: readonly string[] = Object.freeze(['egress', 'pool']);
export const valuesNotSupported: readonly string[] = Object.freeze(['shadow']);
