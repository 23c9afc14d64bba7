/** UDP and ICMP through the NAT of a real fabric process, and by the clock where a rule takes minutes. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { icmpPacket, udpPacket } from '../../../../src/fabric/gateway/packets.js';
import { checksum } from '../../../../src/wire/checksum.js';
import { IpProtocol, readIpv4Header } from '../../../../src/wire/ipv4.js';
import { Ipv4Reassembler } from '../../../../src/wire/ipv4-reassembly.js';
import { ends4, ends6, mac, GUEST_MAC } from '../../../fabric/gateway-stage.js';
import { Random } from '../../../fabric/nat/random.js';
import { RecordedLink } from '../../../fabric/nat/recorded-link.js';
import { setUp } from '../../../fabric/nat/udp-lab.js';
import { sendPacket } from '../../../../src/fabric/nat/oversize.js';
import { GATEWAY, GATEWAY_6, GUEST, NatLab } from './nat-lab.js';

const MINUTE_MS = 60_000;

let lab: NatLab;
const sockets: Socket[] = [];
beforeAll(async () => {
  lab = await NatLab.open();
});
afterAll(async () => {
  for (const socket of sockets) socket.close();
  await lab[Symbol.asyncDispose]();
});

/** A server of the host that answers with the port it was asked from, or with what it was sent. */
async function server(answer: (message: Buffer, port: number) => Buffer): Promise<number> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  socket.on('message', (message, from) => socket.send(answer(message, from.port), from.port, from.address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket.address().port;
}

function datagram(
  frame: Buffer,
): { sourcePort: number; destinationPort: number; payload: Buffer } | undefined {
  const header = readIpv4Header(frame, 14, frame.length);
  if (frame.readUInt16BE(12) !== 0x0800 || header?.protocol !== IpProtocol.udp) return undefined;
  return {
    sourcePort: frame.readUInt16BE(34),
    destinationPort: frame.readUInt16BE(36),
    payload: frame.subarray(42, 14 + header.totalBytes),
  };
}

const from = (remotePort: number) => (frame: Buffer) => {
  const found = datagram(frame);
  return found?.sourcePort === remotePort ? found : undefined;
};

const ask = (guestPort: number, remotePort: number, payload: Buffer = Buffer.from('x')): void => {
  lab.guest.send(udpPacket(ends4(GATEWAY), guestPort, remotePort, payload));
};

describe('UDP', () => {
  it('has one outside port for all destinations of a port (RFC 4787 REQ-1)', async () => {
    const remotes = [
      await server((_, port) => Buffer.from(String(port))),
      await server((_, port) => Buffer.from(String(port))),
    ];
    const seen: string[] = [];
    for (const remote of remotes) {
      ask(4001, remote);
      seen.push((await lab.guest.next(from(remote), 'answer')).payload.toString());
    }
    expect(seen[0]).toBe(seen[1]);
  });

  it('keeps a mapping for 2 minutes and more, 5 by choice (RFC 4787 REQ-5)', () => {
    const { clock, send, flows } = setUp();
    send('x', { remotePort: 4000 });
    clock.advance(4.9 * MINUTE_MS);
    expect(flows()).toBe(1);
    clock.advance(MINUTE_MS);
    expect(flows()).toBe(0);
  });

  it('renews a mapping by what the machine sends (RFC 4787 REQ-6)', () => {
    const { clock, send, flows } = setUp();
    send('x', { remotePort: 4000 });
    clock.advance(4 * MINUTE_MS);
    send('x', { remotePort: 4000 });
    clock.advance(4 * MINUTE_MS);
    expect(flows()).toBe(1);
  });

  it('keeps the parity of the port (RFC 4787 REQ-4)', async () => {
    const remote = await server((_, port) => Buffer.from(String(port)));
    for (const guestPort of [4010, 4011]) {
      ask(guestPort, remote);
      const { payload } = await lab.guest.next(from(remote), 'answer');
      expect(Number(payload.toString()) & 1).toBe(guestPort & 1);
    }
  });

  it('answers for a closed port as its host does, with the packet inside (RFC 1122 section 4.1.3.1)', async () => {
    const closing = createSocket('udp4');
    closing.bind(0, '127.0.0.1');
    await once(closing, 'listening');
    const { port } = closing.address();
    closing.close();
    ask(4020, port);
    const error = await lab.guest.next(
      (frame) => (frame[23] === IpProtocol.icmp && frame[34] === 3 ? frame : undefined),
      'error',
    );
    expect(error[35]).toBe(3);
    expect(checksum(error, 34, error.length)).toBe(0);
    // The header inside is the machine's packet as it sent it, not as the host did (RFC 5508 REQ-4).
    expect(error.subarray(54, 58).join('.')).toBe(GUEST);
    expect(error.subarray(58, 62).join('.')).toBe(GATEWAY);
    expect([error.readUInt16BE(62), error.readUInt16BE(64)]).toEqual([4020, port]);
  });

  it('hands a datagram back to a machine by the address of the host (RFC 4787 REQ-9, hairpin)', async () => {
    const forward = {
      id: 'udp/hairpin',
      protocol: 'udp' as const,
      listenAddress: '127.0.0.1',
      listenPortFirst: await server((message) => message),
      network: 'web',
      targetAddresses: [GUEST],
      targetPortFirst: 4031,
      targetPortFixed: true,
    };
    // The port was free a moment ago.
    sockets.pop()?.close();
    await delay(20);
    await lab.fabric.apply({
      put: 'forward',
      value: { ...forward, listenPortLast: forward.listenPortFirst },
    });
    ask(4030, forward.listenPortFirst, Buffer.from('to myself'));
    const arrived = await lab.guest.next(
      (frame) => (datagram(frame)?.destinationPort === 4031 ? datagram(frame) : undefined),
      'hairpin',
    );
    expect(arrived.payload.toString()).toBe('to myself');
  });

  it('puts fragments together and sends fragments back (RFC 4787 REQ-13 and REQ-14, RFC 791)', async () => {
    const remote = await server((message) => message);
    const payload = new Random(1).bytes(20_000);
    const cutter = new RecordedLink(({ packet }) => lab.guest.send(Buffer.from(packet)));
    sendPacket(cutter, mac(GUEST_MAC), udpPacket(ends4(GATEWAY), 4040, remote, payload));
    cutter.flush();
    const reassembler = new Ipv4Reassembler();
    const whole = await lab.guest.next((frame) => {
      const header = frame.readUInt16BE(12) === 0x0800 ? readIpv4Header(frame, 14, frame.length) : undefined;
      if (header?.protocol !== IpProtocol.udp) return undefined;
      expect(header.totalBytes).toBeLessThanOrEqual(1500);
      return reassembler.add(frame, 14, header, 0);
    }, 'whole datagram');
    expect(whole.subarray(28).equals(payload)).toBe(true);
  });
});

describe('ICMP', () => {
  it('answers an echo to the gateway itself (RFC 1122 section 3.2.2.6, RFC 4443 section 4.2)', async () => {
    lab.guest.send(icmpPacket(ends4(GATEWAY), 8, 0, 0x0001_0002, Buffer.from('ping')));
    const reply = await lab.guest.next(
      (frame) => (frame[23] === 1 && frame[34] === 0 ? frame : undefined),
      'echo',
    );
    expect(reply.readUInt32BE(38)).toBe(0x0001_0002);
    lab.guest.send(icmpPacket(ends6(GATEWAY_6), 128, 0, 7, Buffer.from('ping')));
    await lab.guest.next((frame) => (frame[20] === 58 && frame[54] === 129 ? frame : undefined), 'echo');
  });

  it('never answers an echo in the name of another (RFC 5508 REQ-1)', async () => {
    // A documentation address: nobody answers it, so an answer would be forged.
    lab.guest.send(icmpPacket(ends4('192.0.2.77'), 8, 0, 9, Buffer.from('ping')));
    await delay(300);
    expect(
      lab.guest
        .takeFrames()
        .filter((frame) => frame.subarray(26, 30).join('.') === '192.0.2.77' && frame[34] === 0),
    ).toEqual([]);
  });

  it('counts the TTL down and says when it is over (RFC 1812 section 5.3.1, RFC 4443 section 3.3)', async () => {
    const packet = udpPacket(ends4('192.0.2.77'), 4050, 33_434, Buffer.from('traceroute'));
    packet[8] = 1;
    packet.writeUInt16BE(0, 10);
    packet.writeUInt16BE(checksum(packet, 0, 20), 10);
    lab.guest.send(packet);
    const exceeded = await lab.guest.next(
      (frame) => (frame[23] === 1 && frame[34] === 11 ? frame : undefined),
      'time exceeded',
    );
    expect(exceeded.subarray(26, 30).join('.')).toBe(GATEWAY);
    const six = udpPacket(ends6('2001:db8::77'), 4050, 33_434, Buffer.from('traceroute'));
    six[7] = 1;
    lab.guest.send(six);
    await lab.guest.next(
      (frame) => (frame[20] === 58 && frame[54] === 3 ? frame : undefined),
      'time exceeded',
    );
  });

  it('says how large a packet may be that must not be fragmented (RFC 1191 section 4)', async () => {
    const { dhcp: _dhcp, ipv6: _ipv6, ...small } = lab.network;
    const value = {
      ...small,
      name: 'small',
      mode: 'routed' as const,
      gatewayMac: '52:54:00:00:00:02',
      mtuBytes: 576,
      ipv4: { address: '10.0.9.0', prefixLength: 24, gateway: '10.0.9.1' },
    };
    await lab.fabric.apply({ put: 'network', value });
    const packet = udpPacket(ends4('10.0.9.5'), 4070, 9, Buffer.alloc(1000));
    packet[6] = 0x40;
    packet.writeUInt16BE(0, 10);
    packet.writeUInt16BE(checksum(packet, 0, 20), 10);
    lab.guest.send(packet);
    const error = await lab.guest.next(
      (frame) => (frame[23] === 1 && frame[34] === 3 && frame[35] === 4 ? frame : undefined),
      'fragmentation needed',
    );
    expect(error.readUInt16BE(40)).toBe(576);
  });

  it('says nothing on a network that ends nowhere but at its machines', async () => {
    const alone = await NatLab.open({ mode: 'isolated', hostLoopback: false });
    try {
      alone.guest.send(udpPacket(ends4('192.0.2.77'), 4060, 9, Buffer.from('out?')));
      await delay(200);
      expect(alone.guest.takeFrames().filter((frame) => frame[23] === IpProtocol.icmp)).toEqual([]);
    } finally {
      await alone[Symbol.asyncDispose]();
    }
  });

  it('says of what may not leave that it may not (RFC 1812 section 5.2.7.1)', async () => {
    const alone = await NatLab.open({ mode: 'routed', hostLoopback: false });
    try {
      alone.guest.send(udpPacket(ends4('192.0.2.77'), 4060, 9, Buffer.from('out?')));
      const error = await alone.guest.next(
        (frame) => (frame[23] === 1 && frame[34] === 3 ? frame : undefined),
        'unreachable',
      );
      expect(error.subarray(26, 30).join('.')).toBe(GATEWAY);
    } finally {
      await alone[Symbol.asyncDispose]();
    }
  });
});
