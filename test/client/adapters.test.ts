/** Each adapter in a conversation with its own SDK: the model asks for tools, reads their answers, and replies. */
import Anthropic from '@anthropic-ai/sdk';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, stepCountIs } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  anthropicToolResults,
  ConnectionFailed,
  openAiToolMessages,
  Sallyport,
  vercelTools,
} from '../../src/client/index.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';
import { startModel } from './model-stand-in.ts';

let server: TestServer;
let sallyport: Sallyport;
beforeAll(async () => {
  server = await startServer({ environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
  sallyport = new Sallyport({ url: server.url, apiKey: server.key });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** What a model reads of a result: marked, so that it takes it for data. */
const untrusted42 = /<<UNTRUSTED \w+>>\nresult:\n42\n<<END UNTRUSTED \w+>>/;
const code = '{"code":"return 6 * 7"}';

function completion(message: object, reason: string): object {
  const choices = [{ index: 0, finish_reason: reason, message: { role: 'assistant', ...message } }];
  return { id: 'c1', object: 'chat.completion', created: 1, model: 'm', choices };
}

function asks(calls: Readonly<Record<string, readonly [string, string]>>): object {
  const toolCalls = Object.entries(calls).map(([id, [name, text]]) => ({
    id,
    type: 'function',
    function: { name, arguments: text },
  }));
  return completion({ content: null, tool_calls: toolCalls }, 'tool_calls');
}

test('OpenAI, Chat Completions', async () => {
  await using model = await startModel([
    asks({ a: ['js_run', code], b: ['js_run', 'not json'], c: ['nothing_such', '{}'] }),
    completion({ content: 'It is 42.' }, 'stop'),
  ]);
  const openai = new OpenAI({ baseURL: model.url, apiKey: 'none', maxRetries: 0 });
  const tools = await sallyport.tools('openai');
  const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'What is 6 times 7?' }];
  const [first] = (await openai.chat.completions.create({ model: 'm', messages, tools })).choices;
  messages.push(first?.message ?? { role: 'assistant', content: '' });
  messages.push(...(await openAiToolMessages(sallyport, first?.message.tool_calls)));
  const [last] = (await openai.chat.completions.create({ model: 'm', messages, tools })).choices;

  expect(last?.message.content).toBe('It is 42.');
  expect(await openAiToolMessages(sallyport, last?.message.tool_calls)).toEqual([]);
  expect(await openAiToolMessages(sallyport, null)).toEqual([]);
  expect(
    model.asked[0].tools.map(({ function: { name } }: { function: { name: string } }) => name),
  ).toContain('js_run');
  expect(model.asked[1].messages.slice(2)).toEqual([
    { role: 'tool', tool_call_id: 'a', content: expect.stringMatching(untrusted42) },
    { role: 'tool', tool_call_id: 'b', content: expect.stringContaining('must be a JSON object') },
    { role: 'tool', tool_call_id: 'c', content: expect.stringMatching(/^unknown_tool: /) },
  ]);
});

test('Anthropic, Messages', async () => {
  const message = { id: 'm1', type: 'message', role: 'assistant', model: 'm', usage: {} };
  const failing = { code: 'throw new Error("no such file")' };
  await using model = await startModel([
    {
      ...message,
      stop_reason: 'tool_use',
      content: [
        { type: 'text', text: 'Let me see.' },
        { type: 'tool_use', id: 'a', name: 'js_run', input: { code: 'return 6 * 7' } },
        { type: 'tool_use', id: 'b', name: 'js_run', input: failing },
      ],
    },
    { ...message, stop_reason: 'end_turn', content: [{ type: 'text', text: 'It is 42.' }] },
  ]);
  const anthropic = new Anthropic({ baseURL: model.url, apiKey: 'none', maxRetries: 0 });
  const tools = await sallyport.tools('anthropic');
  const question = { role: 'user' as const, content: 'What is 6 times 7?' };
  const common = { model: 'm', max_tokens: 100, tools };
  const first = await anthropic.messages.create({ ...common, messages: [question] });
  const results = await anthropicToolResults(sallyport, first.content);
  await anthropic.messages.create({
    ...common,
    messages: [question, { role: 'assistant', content: first.content }, { role: 'user', content: results }],
  });

  expect(model.asked[1].messages[2].content).toEqual([
    { type: 'tool_result', tool_use_id: 'a', content: expect.stringMatching(untrusted42), is_error: false },
    {
      type: 'tool_result',
      tool_use_id: 'b',
      content: expect.stringContaining('error:\nError: no such file'),
      is_error: true,
    },
  ]);
});

test('Vercel AI SDK', async () => {
  await using model = await startModel([
    asks({ a: ['js_run', code] }),
    completion({ content: 'It is 42.' }, 'stop'),
  ]);
  const provider = createOpenAICompatible({ name: 'stand-in', baseURL: model.url });
  const { text } = await generateText({
    model: provider('m'),
    tools: await vercelTools(sallyport, jsonSchema),
    prompt: 'What is 6 times 7?',
    stopWhen: stepCountIs(3),
    maxRetries: 0,
  });

  expect(text).toBe('It is 42.');
  expect(model.asked[0].tools).toContainEqual(
    expect.objectContaining({ function: expect.objectContaining({ name: 'js_run' }) }),
  );
  expect(model.asked[1].messages.at(-1)).toMatchObject({ role: 'tool', tool_call_id: 'a' });
  expect(JSON.stringify(model.asked[1].messages.at(-1).content)).toMatch(/UNTRUSTED \w+>>\\+nresult:\\+n42/);
});

test('a server that cannot be reached is an error of the program, not an answer for the model', async () => {
  const nowhere = new Sallyport({ url: 'http://127.0.0.1:9', apiKey: 'none', retriesMax: 0 });
  const call = { id: 'a', type: 'function', function: { name: 'js_run', arguments: code } };
  await expect(openAiToolMessages(nowhere, [call])).rejects.toThrow(ConnectionFailed);
});
