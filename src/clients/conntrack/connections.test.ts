import { expect, it } from 'vitest';
import type { Run } from '../command/run.js';
import { endConnections } from './connections.js';

const signal = new AbortController().signal;

/** A conntrack that says this, and what it was told. */
function saying(exitCode: number, stderr: string): { run: Run; told: string[] } {
  const told: string[] = [];
  return {
    told,
    run: (argv) => {
      told.push(argv.join(' '));
      return Promise.resolve({ exitCode, stdout: '', stderr });
    },
  };
}

it('ends what came to the address and what left as it, of its own family', async () => {
  const { run, told } = saying(0, 'conntrack v1.4.7 (conntrack-tools): 2 flow entries have been deleted.\n');
  await endConnections(run, '192.0.2.70', signal);
  await endConnections(run, '2001:db8::70', signal);
  expect(told).toEqual([
    'conntrack -D -f ipv4 --orig-dst 192.0.2.70',
    'conntrack -D -f ipv4 --reply-dst 192.0.2.70',
    'conntrack -D -f ipv6 --orig-dst 2001:db8::70',
    'conntrack -D -f ipv6 --reply-dst 2001:db8::70',
  ]);
});

it('takes it for done when there was nothing to end, and for refused when it was', async () => {
  const none = saying(1, 'conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.\n');
  await endConnections(none.run, '192.0.2.70', signal);
  const refused = saying(1, "conntrack v1.4.7 (conntrack-tools): Can't open handler\n");
  await expect(endConnections(refused.run, '192.0.2.70', signal)).rejects.toThrow("Can't open handler");
});
