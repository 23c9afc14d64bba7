import { expect, it } from 'vitest';
import { fateOf } from './trace-packets.js';

it('says why the fabric refused it', () => {
  const nic = { network: 'web' } as Parameters<typeof fateOf>[1];
  const head = Buffer.from('52540000000152540000000a88cc00', 'hex').toString('base64');
  expect(fateOf({ head, reason: 'spoofed-mac' }, nic)).toMatchObject({
    outcome: 'dropped',
    reason: "it is not from the NIC's own MAC",
    rule: 'fabric web spoofed-mac',
  });
  expect(fateOf({ head, reason: 'of-tomorrow' }, nic)).toMatchObject({ reason: 'of-tomorrow' });
  expect(fateOf({ head }, nic)).toMatchObject({ outcome: 'passed', reason: 'into web' });
});
