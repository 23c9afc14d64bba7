import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type HostDatagrams, openHostDatagrams } from './host-datagrams.js';
import { FIRST_HOST_PORT, LAST_HOST_PORT } from './limits.js';

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
});

/** Answers each datagram with the port it came from. */
async function server(): Promise<AddressInfo> {
  const socket: Socket = createSocket('udp4');
  opened.push(socket);
  socket.on('message', (_message, from) => socket.send(String(from.port), from.port, from.address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket.address();
}

function open(guestPort = 1001) {
  const events: string[] = [];
  let wake = () => {};
  const note = (event: string) => {
    events.push(event);
    wake();
  };
  const socket = openHostDatagrams(4, guestPort, {
    received: (payload, address, port) => note(`${payload.toString()} from ${address} ${port}`),
    failed: (code, address, port) => note(`${code} ${address} ${port}`),
  }) as HostDatagrams;
  opened.push(socket);
  const until = async (count: number) => {
    while (events.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { socket, events, until };
}

/** A port on which nothing listens. */
async function closedPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

describe('host UDP sockets', () => {
  it('keep one port for all destinations, with the parity of the guest (RFC 4787 REQ-1, REQ-4)', async () => {
    for (const guestPort of [1001, 1002]) {
      const [first, second] = [await server(), await server()];
      const { socket, events, until } = open(guestPort);
      socket.send(Buffer.from('a'), '127.0.0.1', first.port);
      await until(1);
      socket.send(Buffer.from('b'), '127.0.0.1', second.port);
      socket.send(Buffer.from('c'), '127.0.0.1', first.port);
      await until(3);
      const ports = new Set(events.map((event) => Number.parseInt(event, 10)));
      expect(ports.size).toBe(1);
      const [port] = ports;
      expect(port! & 1).toBe(guestPort & 1);
      expect(port).toBeGreaterThanOrEqual(FIRST_HOST_PORT);
      expect(port).toBeLessThanOrEqual(LAST_HOST_PORT);
    }
  });

  it('learn of a refusal, and are of use afterwards', async () => {
    const port = await closedPort();
    const { port: live } = await server();
    const { socket, events, until } = open();
    socket.send(Buffer.from('a'), '127.0.0.1', port);
    await until(1);
    expect(events).toEqual([`ECONNREFUSED 127.0.0.1 ${port}`]);
    socket.send(Buffer.from('b'), '127.0.0.1', live);
    await until(2);
    expect(events[1]).toMatch(new RegExp(`from 127.0.0.1 ${live}$`));
  });

  it('hear an answer from another port of a server that answered once', async () => {
    const { port } = await server();
    const { socket, events, until } = open();
    socket.send(Buffer.from('a'), '127.0.0.1', port);
    await until(1);
    const other = createSocket('udp4');
    opened.push(other);
    other.send('hello', Number.parseInt(events[0]!, 10), '127.0.0.1');
    await until(2);
    expect(events[1]).toMatch(/^hello from 127\.0\.0\.1/);
  });

  it('tell that a datagram is too large for any packet', async () => {
    const { port } = await server();
    const { socket, events, until } = open();
    socket.send(Buffer.alloc(65_508), '127.0.0.1', port);
    await until(1);
    expect(events).toEqual([`EMSGSIZE 127.0.0.1 ${port}`]);
  });
});
