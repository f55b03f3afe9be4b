/** Bodies of answers as JSON Schema 2020-12, by the names that they have in the OpenAPI document. */
import { callAnswers } from './calls.ts';
import { operationAnswers } from './operations.ts';
import { recordAnswers } from './record.ts';

export const answerSchemas = { ...callAnswers, ...recordAnswers, ...operationAnswers } as const;

export type AnswerSchemaName = keyof typeof answerSchemas;
