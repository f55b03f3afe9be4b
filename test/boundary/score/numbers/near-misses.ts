/** What looks like a number of a person and is none. */
import type { Random } from '../random.ts';
import { fill } from '../random.ts';

export interface NearMiss {
  readonly shape: string;
  readonly names: readonly string[];
  readonly make: (random: Random) => string;
}

type Row = readonly [shape: string, names: readonly string[], ...templates: readonly string[]];

const rows: readonly Row[] = [
  [
    'order numbers',
    ['order', 'invoice no.'],
    'ORD-2026-{d:6}',
    '{d:8}',
    '{d:10}',
    '40{d:1}-{d:7}-{d:7}',
    'INV{d:9}',
  ],
  ['points in time', ['created at', 'ts'], '17640{d:5}', '17640{d:8}', '17640{d:11}', '17640{d:14}'],
  [
    'dates and times',
    ['created at', 'date'],
    '2026-11-{d:1}4 09:1{d:1}:{d:1}4.{d:6}',
    '202611240912{d:2}',
    '20261124-09{d:4}',
  ],
  [
    'versions',
    ['version', 'build'],
    '1{d:1}.{d:1}.{d:2}.{d:3}',
    '10.0.{d:5}.{d:4}',
    '1.{d:1}.0-202611{d:8}',
    '{d:3}.0.{d:4}.{d:3}',
  ],
  ['ids of the snowflake form', ['id', 'message_id'], '1{d:17}', '1{d:18}', '9{d:16}'],
  ['hashes', ['sha', 'digest'], '{hex:40}', '{hex:32}', '{hex:64}', '{HEX:40}'],
  ['UUIDs', ['request id', 'trace'], '{uuid}', '{UUID}'],
  [
    'ISBNs',
    ['ISBN', 'book'],
    '978-3-{d:2}-{d:6}-{d:1}',
    '978{d:10}',
    '3-{d:3}-{d:5}-{d:1}',
    '979 1{d:1} {d:3} {d:4} {d:1}',
  ],
  ['coordinates', ['position', 'geo'], '48.{d:6}, 2.{d:6}', '-{d:2}.{d:8},{d:2}.{d:8}', '{d:2}.{d:15}'],
  [
    'prices',
    ['total', 'amount'],
    '{d:1} {d:3} {d:3},{d:2} EUR',
    '{d:2},{d:3},{d:3}.{d:2}',
    '{d:3}.{d:3}.{d:3},{d:2}',
  ],
  [
    'tracking numbers',
    ['tracking', 'parcel'],
    '1Z{A0:6}{d:10}',
    '94001{d:17}',
    '7{d:11}',
    'RR{d:9}DE',
    '9400 1{d:3} {d:4} {d:4} {d:4} {d:2}',
  ],
  ['article numbers', ['EAN', 'SKU'], '40{d:11}', '{d:2}.{d:4}.{d:2}', '{d:3}-{d:5}-{d:2}', '0{d:11}'],
  [
    'addresses of networks',
    ['host', 'peer'],
    '192.168.{d:2}.{d:2}',
    '{d:2}.{d:2}.1{d:2}.{d:2}:{d:4}',
    '{HEX:2}-{HEX:2}-{HEX:2}-{HEX:2}-{HEX:2}-{HEX:2}',
  ],
  ['ids of devices', ['IMEI', 'ICCID', 'serial'], '35{d:13}', '8949{d:15}', '35-{d:6}-{d:6}-{d:1}'],
  [
    'rows of numbers',
    ['data', 'histogram'],
    '{d:3} {d:3} {d:3} {d:3} {d:3}',
    '{d:4} {d:4} {d:4} {d:4} {d:4} {d:4}',
    '{d:2} {d:2} {d:2} {d:2} {d:2} {d:2}',
  ],
  [
    'random plain numbers of 9 to 15 digits',
    ['id', 'number'],
    '{d:9}',
    '{d:10}',
    '{d:11}',
    '{d:12}',
    '{d:13}',
    '{d:14}',
    '{d:15}',
  ],
  ['random plain numbers of 16 to 19 digits', ['id', 'number'], '{d:16}', '{d:17}', '{d:18}', '{d:19}'],
];

export const nearMisses: readonly NearMiss[] = rows.map(([shape, names, ...templates]) => ({
  shape,
  names,
  make: (random) => fill(random.pick(templates), random),
}));
