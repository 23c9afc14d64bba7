/** Guests that are there and say nothing more. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { addressOf, GATEWAY_ADDRESS, macOf, putPort, type RunningFabric } from './fabric.js';
import type { Scope } from './scope.js';

/** Plugs in machines `first` to `last`, which ask for the gateway's MAC by ARP and read whatever comes. */
export async function plugIdleGuests(
  scope: Scope,
  fabric: RunningFabric,
  first: number,
  last: number,
): Promise<void> {
  const machines = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const server = machines.map(async (index) => {
    const guest = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.resume();
      socket.write(arpRequest(index));
      scope.defer(() => {
        socket.destroy();
      });
    });
    guest.listen(fabric.socketPath(index));
    scope.defer(() => {
      guest.close();
    });
    await once(guest, 'listening');
  });
  await Promise.all(server);
  await fabric.apply(...machines.map((index) => putPort(index, fabric.socketPath(index))));
  await fabric.connected();
}

/** In stream framing: who has the gateway's address? (RFC 826) */
function arpRequest(index: number): Buffer {
  const mac = macOf(index).replaceAll(':', '');
  const hex = (address: string): string => Buffer.from(address.split('.').map(Number)).toString('hex');
  const frame = `ffffffffffff${mac}08060001080006040001${mac}${hex(addressOf(index))}000000000000${hex(GATEWAY_ADDRESS)}`;
  const bytes = Buffer.from(frame, 'hex');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
