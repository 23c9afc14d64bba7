import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { datagramFrom, readDatagram } from '../../../../test/fabric/nat/datagrams.js';
import { closeAll, freePort, opened, setUp, until } from '../../../../test/fabric/nat/forward-lab.js';
import { forwardTo } from '../../../../test/fabric/nat/forwarded-guest.js';

afterEach(closeAll);

describe('UDP forwards', () => {
  async function client(): Promise<{ socket: DatagramSocket; received: string[] }> {
    const socket = createSocket('udp4');
    opened.push({ destroy: () => void socket.close() });
    const received: string[] = [];
    socket.on('message', (message, from) => received.push(`${message.toString()} from ${from.port}`));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return { socket, received };
  }

  it('keep each client apart, and answer from the port it sent to', async () => {
    const lab = setUp();
    const port = await freePort();
    const forward = forwardTo({ id: 'udp', protocol: 'udp', listenPortFirst: port, targetPortFirst: 53 });
    await lab.nat.putForward(forward, lab.link);
    const [first, second] = [await client(), await client()];
    first.socket.send('one', port, '127.0.0.1');
    await until(() => lab.packets.length === 1);
    second.socket.send('two', port, '127.0.0.1');
    await until(() => lab.packets.length === 2);
    const [one, two] = lab.packets.map((packet) => readDatagram(packet, { remote: '10.0.0.1' }));
    expect([one, two]).toMatchObject([
      { payload: 'one', destinationPort: 53 },
      { payload: 'two', destinationPort: 53 },
    ]);
    expect(lab.nat.flowCounts('web').udp).toBe(2);
    const answer = (text: string, remotePort: number) =>
      lab.inject(datagramFrom({ guestPort: 53, remote: '10.0.0.1', remotePort }, Buffer.from(text)));
    answer('to two', two!.sourcePort);
    answer('to one', one!.sourcePort);
    await until(() => first.received.length + second.received.length === 2);
    expect(first.received).toEqual([`to one from ${port}`]);
    expect(second.received).toEqual([`to two from ${port}`]);
    lab.nat.deleteForward('udp');
    expect(lab.nat.flowCounts('web').udp).toBe(0);
  });

  it('drop datagrams for a machine that is absent', async () => {
    const lab = setUp();
    lab.link.neighbours.clear();
    const port = await freePort();
    await lab.nat.putForward(forwardTo({ id: 'udp', protocol: 'udp', listenPortFirst: port }), lab.link);
    const { socket } = await client();
    socket.send('x', port, '127.0.0.1');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(lab.packets).toEqual([]);
    expect(lab.nat.flowCounts('web').udp).toBe(0);
  });

  it('refuse a port that is taken', async () => {
    const lab = setUp();
    const { socket } = await client();
    const taken = forwardTo({ id: 'udp', protocol: 'udp', listenPortFirst: socket.address().port });
    await expect(lab.nat.putForward(taken, lab.link)).rejects.toMatchObject({
      problems: [{ code: 'forward/listen-refused' }],
    });
  });
});
