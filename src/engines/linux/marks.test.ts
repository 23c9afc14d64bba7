import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatMark, isOurNamespace, type Mark, markOf, namespaceName } from './marks.js';

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,40}[a-z0-9])?$/);
const mark: fc.Arbitrary<Mark> = fc.oneof(
  fc.record({ kind: fc.constantFrom('bridge', 'server', 'tunnel', 'uplink'), network: label }),
  fc.record({ kind: fc.constant('nic' as const), machine: label, index: fc.nat(200) }),
);

it('is read back from among other names, and fits into one', () => {
  fc.assert(
    fc.property(label, mark, (project, wanted) => {
      const altname = formatMark(project, wanted);
      // ALTIFNAMSIZ of the kernel.
      expect(altname.length).toBeLessThan(128);
      expect(markOf(project, ['enp3s0', altname])).toEqual(wanted);
      expect(markOf(`${project}x`, [altname])).toBeUndefined();
    }),
  );
});

it('takes nothing of others for its own', () => {
  for (const altname of [
    'enp3s0',
    'passerelle',
    'passerelle:shop',
    'passerelle:shop:nic:web1',
    'passerelle:shop:other:web',
  ]) {
    expect(markOf('shop', [altname])).toBeUndefined();
  }
  expect(isOurNamespace('shop', namespaceName('shop', 'machine', 'web1'))).toBe(true);
  expect(isOurNamespace('shop', 'passerelle:shop:ovs-machine:web1')).toBe(false);
  expect(isOurNamespace('sho', namespaceName('shop', 'machine', 'web1'))).toBe(false);
  expect(isOurNamespace('shop', 'passerelle:shop:ovs-server:back')).toBe(false);
});
