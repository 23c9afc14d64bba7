import { expect, test } from 'vitest';
import { parseCollector } from './collector.js';

test.each([
  ['192.0.2.9:6343', '192.0.2.9:6343'],
  ['[2001:DB8:0::9]:4739', '[2001:db8::9]:4739'],
])('%s is %s', (text, value) => expect(parseCollector(text)).toEqual({ value }));

test.each(['192.0.2.9', '2001:db8::9:4739', '192.0.2.9:0', '192.0.2.9:70000', 'host:1', '[192.0.2.9]:1', ''])(
  '%j is refused',
  (text) => expect(parseCollector(text)).toMatchObject({ fault: { code: 'spec/bad-collector' } }),
);
