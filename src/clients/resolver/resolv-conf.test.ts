import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseResolvConf } from './resolv-conf.js';

it('reads resolvers and search domains, the last search line holding', () => {
  const text =
    '# by hand\nnameserver 192.0.2.53\nsearch a.example\n nameserver  2001:db8::53\nsearch b.example c.example\n';
  expect(parseResolvConf(text)).toEqual({
    resolvers: ['192.0.2.53', '2001:db8::53'],
    searchDomains: ['b.example', 'c.example'],
  });
});

it('leaves out resolvers that only the host itself can ask', () => {
  expect(parseResolvConf('nameserver 127.0.0.53\nnameserver ::1\nsearch .\n')).toEqual({
    resolvers: [],
    searchDomains: [],
  });
});

it('reads whatever it is given', () => {
  fc.assert(fc.property(fc.string(), (text) => parseResolvConf(text).resolvers.every((one) => one !== '')));
});
