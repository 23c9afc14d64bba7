/**
 * A client's connection to a forwarded port, carried on to the machine.
 *
 * The host's kernel has accepted the client before the machine is asked, so what the machine says is passed on
 * afterwards: a refusal or no answer at all within `FORWARD_GIVE_UP_MS` resets the client.
 */
import type { Socket } from 'node:net';
import { DuplexStream } from '../tcp/duplex-stream.js';
import { FORWARD_GIVE_UP_MS } from '../tcp/limits.js';
import { showClient } from './client-path.js';
import type { ForwardTarget } from './target.js';

/** @param socket paused. */
export function carryOn(socket: Socket, target: ForwardTarget): void {
  const { network, address, port, clock } = target;
  const { link } = network;
  const { remoteAddress, remotePort } = socket;
  let settled = false;
  const giveUp = () => {
    settled = true;
    socket.resetAndDestroy();
  };
  // A client that leaves meanwhile is found gone when its machine is known.
  socket.on('error', () => undefined);
  const cancel = clock.after(FORWARD_GIVE_UP_MS, giveUp);
  link.resolve(address, (mac) => {
    if (settled) return;
    cancel();
    if (socket.destroyed) return;
    if (mac === undefined || remoteAddress === undefined || remotePort === undefined) {
      giveUp();
      return;
    }
    const client = { address: remoteAddress, port: remotePort };
    const opened = showClient(target, client, (path, shownPort) =>
      network.tcp.connectGuest({ path, guestPort: port, remotePort: shownPort, guestMac: mac }, (events) => {
        const stream = new DuplexStream(socket, events);
        socket.resume();
        return stream;
      }),
    );
    if (!opened) giveUp();
  });
}
