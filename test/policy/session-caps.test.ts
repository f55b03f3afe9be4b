import { expect, test } from 'vitest';
import { compileText, problemsOf } from '../support/policy-directory.ts';

function imageOf(sessions: string): string {
  return `apiVersion: sallyport/v1\nkind: Image\nmetadata: {name: python}\nspec: {build: python, sessions: ${sessions}}\n`;
}

test.each([
  ['{}', { perPrincipal: 2, perTenant: 8 }],
  ['{perPrincipal: 20}', { perPrincipal: 20, perTenant: 20 }],
  ['{perPrincipal: 1, perTenant: 3}', { perPrincipal: 1, perTenant: 3 }],
])('sessions: %s', async (sessions, caps) => {
  const { images } = await compileText(imageOf(sessions));
  expect(images.get('python')?.sessions).toMatchObject(caps);
});

test('one principal cannot have more than its whole tenant', async () => {
  expect(await problemsOf(imageOf('{perPrincipal: 3, perTenant: 2}'))).toEqual([
    expect.stringContaining('perPrincipal 3 is above perTenant 2 (raise perTenant)'),
  ]);
});
