/**
 * Ping sockets (`socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)`, Linux since 3.0): echo requests without privilege,
 * where `net.ipv4.ping_group_range` names the user's group.
 *
 * Node cannot make one, but it can use one: `dgram` takes a file descriptor. So a single native call is wanted,
 * `socket(2)`, and that is what the optional package koffi is loaded for. The kernel puts its own identifier
 * and checksum into what is sent, and gives only the answers to it.
 */
import { createSocket } from 'node:dgram';
import { ICMP_HEADER_BYTES, IcmpType, Icmpv6Type, writeIcmpHeader } from '../../../wire/icmp.js';
import { IpProtocol } from '../../../wire/ipv4.js';

export interface PingEvents {
  /** @param payload what stood behind the echo header. */
  replied(address: string, sequence: number, payload: Buffer): void;
}

export interface PingSocket {
  /** @param payload not touched again by the caller. */
  send(address: string, sequence: number, payload: Buffer): void;
  close(): void;
}

/** @returns `undefined` when the kernel does not allow it. */
export type OpenPingSocket = (family: 4 | 6, events: PingEvents) => PingSocket | undefined;

/** Makes a socket. @returns its descriptor, negative when refused. */
export type MakeSocket = (domain: number, type: number, protocol: number) => number;

/** Linux's numbers (bits/socket.h). */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** Ping sockets have no ports; `dgram` insists on one. */
const ANY_PORT = 1;

export function pingSockets(makeSocket: MakeSocket): OpenPingSocket {
  return (family, events) => {
    const domain = family === 4 ? AF_INET : AF_INET6;
    const protocol = family === 4 ? IpProtocol.icmp : IpProtocol.icmpv6;
    const fd = makeSocket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    return fd < 0 ? undefined : wrap(fd, family, events);
  };
}

function wrap(fd: number, family: 4 | 6, events: PingEvents): PingSocket {
  const request = family === 4 ? IcmpType.echoRequest : Icmpv6Type.echoRequest;
  const reply = family === 4 ? IcmpType.echoReply : Icmpv6Type.echoReply;
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    lookup: (address, _options, callback) => callback(null, address, family),
  });
  // Unreachable destinations and full buffers: the guest sees no answer, which is the truth.
  socket.on('error', () => undefined);
  socket.on('message', (message, from) => {
    if (message.length < ICMP_HEADER_BYTES || message[0] !== reply) return;
    events.replied(from.address, message.readUInt16BE(6), message.subarray(ICMP_HEADER_BYTES));
  });
  socket.bind({ fd });
  return {
    send(address, sequence, payload) {
      const message = Buffer.allocUnsafe(ICMP_HEADER_BYTES + payload.length);
      message.set(payload, writeIcmpHeader(message, 0, request, 0, sequence));
      socket.send(message, ANY_PORT, address, () => undefined);
    },
    close: () => socket.close(),
  };
}

/** What is used of koffi. */
interface Koffi {
  load(path: string): { func(prototype: string): MakeSocket };
}

/** @returns `undefined` when koffi is not installed or this is not Linux. */
export async function loadPingSockets(): Promise<OpenPingSocket | undefined> {
  if (process.platform !== 'linux') return undefined;
  // Not a literal, so that the package stays optional for the compiler too.
  const name = 'koffi';
  try {
    const module = (await import(name)) as { readonly default: Koffi };
    return pingSockets(
      module.default.load('libc.so.6').func('int socket(int domain, int type, int protocol)'),
    );
  } catch {
    return undefined;
  }
}
