import { expect, it } from 'vitest';
import { NETWORK } from '../../../../test/fabric/nat/recorded-link.js';
import { showClient } from './client-path.js';

/** Every end that is tried for a client, until the last. */
function tried(client: string, showsGateway: boolean, port = 5000): string[] {
  const ends: string[] = [];
  const audience = { network: { link: { network: NETWORK } }, address: '10.0.0.2', showsGateway };
  showClient(audience, { address: client, port }, (path, remotePort) => {
    ends.push(`${path.remoteAddress}:${remotePort}`);
    return ends.length === 2;
  });
  return ends;
}

it('shows a client itself, and the gateway when that end is taken', () => {
  expect(tried('203.0.113.9', false)).toEqual(['203.0.113.9:5000', '10.0.0.1:5000']);
  expect(tried('::ffff:203.0.113.9', false)[0]).toBe('203.0.113.9:5000');
});

it('shows the gateway for those that the guest could not answer', () => {
  for (const client of ['127.0.0.1', '10.0.0.9', '169.254.1.1', '2001:db8::1'])
    expect(tried(client, false)[0], client).toBe('10.0.0.1:5000');
});

it('shows the gateway alone where the forward says so, never from a port of its own services', () => {
  const ends = tried('203.0.113.9', true);
  expect(ends[0]).toBe('10.0.0.1:5000');
  expect(ends[1]).toMatch(/^10\.0\.0\.1:(49|5\d|6[0-5])\d{3}$/);
  expect(tried('203.0.113.9', true, 53)[0]).not.toBe('10.0.0.1:53');
});
