import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseLeases } from './leases.js';

it('reads leases of both families', () => {
  const file = `1795478400 52:54:00:AA:bb:01 10.10.10.11 web1 01:52:54:00:aa:bb:01
0 52:54:00:aa:bb:02 10.10.10.12 * *
duid 00:01:00:01:2f:00:11:22:52:54:00:00:00:01
1795478400 8388609 fd00::11 web1 00:03:00:01:52:54:00:aa:bb:01
1795478400 8388610 fd00::12 * 00:04:12:34
`;
  expect(parseLeases(file)).toEqual([
    { mac: '52:54:00:aa:bb:01', address: '10.10.10.11', hostname: 'web1', expiresAtMs: 1_795_478_400_000 },
    { mac: '52:54:00:aa:bb:02', address: '10.10.10.12' },
    { mac: '52:54:00:aa:bb:01', address: 'fd00::11', hostname: 'web1', expiresAtMs: 1_795_478_400_000 },
    { address: 'fd00::12', expiresAtMs: 1_795_478_400_000 },
  ]);
});

it('passes over anything else, as when the file is being written', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(fc.stringMatching(/^[\da-f:. *]*$/)).map((lines) => lines.join('\n')),
      ),
      (text) => {
        for (const lease of parseLeases(text)) expect(lease.address).not.toContain(' ');
      },
    ),
    { seed: 20261123, numRuns: 1000 },
  );
});
