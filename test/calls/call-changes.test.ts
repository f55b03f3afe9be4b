import { expect, test } from 'vitest';
import { CallChanges, followersMax } from '../../src/calls/call-changes.ts';

test('followers of a call are told of it, those of others are not, and nobody after leaving', () => {
  const changes = new CallChanges();
  const told: string[] = [];
  const first = changes.follow('call_a', () => told.push('first'));
  changes.follow('call_b', () => told.push('second'));
  changes.notify('call_a');
  expect(told).toEqual(['first']);
  first?.[Symbol.dispose]();
  changes.notify('call_a');
  expect(told).toEqual(['first']);
});

test('a call takes so many followers, and a place that is left can be taken again', () => {
  const changes = new CallChanges();
  const places = Array.from({ length: followersMax.ofOneCall }, () => changes.follow('call_a', () => {}));
  expect(changes.follow('call_a', () => {})).toBeNull();
  expect(changes.follow('call_b', () => {})).not.toBeNull();
  places[0]?.[Symbol.dispose]();
  places[0]?.[Symbol.dispose]();
  expect(changes.follow('call_a', () => {})).not.toBeNull();
  expect(changes.follow('call_a', () => {})).toBeNull();
});

test('all calls together take so many followers', () => {
  const changes = new CallChanges();
  for (let at = 0; at < followersMax.ofAllCalls; at += 1)
    expect(changes.follow(`call_${at}`, () => {})).not.toBeNull();
  expect(changes.follow('call_x', () => {})).toBeNull();
});

test('closing tells everybody once', () => {
  const changes = new CallChanges();
  let told = 0;
  changes.follow('call_a', () => (told += 1));
  changes.follow('call_b', () => (told += 1));
  changes.close();
  expect([told, changes.isClosed]).toEqual([2, true]);
});
