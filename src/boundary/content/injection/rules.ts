/**
 * What text says that wants to steer a model instead of informing it. Each rule is one sign with its weight; a score is
 * made of the signs that stand together. Languages other than English are data: one entry each.
 */
import { englishActionRules } from './english-actions.ts';
import { englishRules } from './english.ts';
import { languageRules } from './languages.ts';
import type { InjectionRule } from './sign.ts';

export const injectionRules: readonly InjectionRule[] = [
  ...englishRules,
  ...englishActionRules,
  ...languageRules,
];
