import { expect, test } from 'vitest';
import { CallChanges, followersMax } from '../../src/calls/call-changes.ts';

const ana = { tenant: 'acme', id: 'ana' };

test('followers of a call are told of it, those of others are not, and nobody after leaving', () => {
  const changes = new CallChanges();
  const told: string[] = [];
  const first = changes.follow('call_a', ana, () => told.push('first'));
  changes.follow('call_b', ana, () => told.push('second'));
  changes.notify('call_a');
  expect(told).toEqual(['first']);
  first?.[Symbol.dispose]();
  changes.notify('call_a');
  expect(told).toEqual(['first']);
});

test('a call takes so many followers, and a place that is left can be taken again', () => {
  const changes = new CallChanges();
  const places = Array.from({ length: followersMax.ofOneCall }, () =>
    changes.follow('call_a', ana, () => {}),
  );
  expect(changes.follow('call_a', ana, () => {})).toBeNull();
  expect(changes.follow('call_b', ana, () => {})).not.toBeNull();
  places[0]?.[Symbol.dispose]();
  places[0]?.[Symbol.dispose]();
  expect(changes.follow('call_a', ana, () => {})).not.toBeNull();
  expect(changes.follow('call_a', ana, () => {})).toBeNull();
});

test('a principal has so many, another of the same name elsewhere has as many', () => {
  const changes = new CallChanges();
  const places = Array.from({ length: followersMax.byOnePrincipal }, (_, at) =>
    changes.follow(`call_${at}`, ana, () => {}),
  );
  expect(changes.follow('call_x', ana, () => {})).toBeNull();
  expect(changes.follow('call_x', { ...ana, tenant: 'other' }, () => {})).not.toBeNull();
  places[0]?.[Symbol.dispose]();
  expect(changes.follow('call_x', ana, () => {})).not.toBeNull();
});

test('all together have so many', () => {
  const changes = new CallChanges();
  const by = (at: number): typeof ana => ({ tenant: 'acme', id: `p${at}` });
  for (let at = 0; at < followersMax.inAll; at += 1)
    expect(changes.follow(`call_${at}`, by(at), () => {})).not.toBeNull();
  expect(changes.follow('call_x', ana, () => {})).toBeNull();
});

test('closing tells everybody once', () => {
  const changes = new CallChanges();
  let told = 0;
  changes.follow('call_a', ana, () => (told += 1));
  changes.follow('call_b', ana, () => (told += 1));
  changes.close();
  expect([told, changes.isClosed]).toEqual([2, true]);
});
