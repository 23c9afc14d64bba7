/** The shapes of protocol.ts as zod schemas: whatever comes in over the control socket passes through here. */
import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { PasserelleError } from '../../errors.js';
import { parseAddress, parseIpv4, parseIpv6 } from '../../wire/address.js';
import { isMulticastMac, parseMac } from '../../wire/ethernet.js';
import { IPV6_MIN_MTU_BYTES } from '../../wire/ipv6.js';
import { MAX_VNI } from '../../wire/vxlan.js';
import { parseUpstream } from '../gateway/dns/upstream.js';
import type { FabricMethods, FabricOperation } from './protocol.js';

/** sun_path of sockaddr_un less its terminating zero (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;
const MIN_MTU_BYTES = 68;
const MAX_MTU_BYTES = 65_535;
const MAX_OPERATIONS = 100_000;
const MAX_STATIONS = 10_000;
const MAX_PEERS = 1024;

/** Names and ids of other layers: printable, without spaces. */
const identifier = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\s\p{Cc}]+$/u);
const ipv4 = z.string().refine((text) => parseIpv4(text) !== undefined, 'not an IPv4 address');
const ipv6 = z.string().refine((text) => parseIpv6(text) !== undefined, 'not an IPv6 address');
const address = z.string().refine((text) => parseAddress(text) !== undefined, 'not an IP address');
const mac = z.string().refine((text) => {
  const value = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(text) ? parseMac(text) : undefined;
  return value !== undefined && value !== 0 && !isMulticastMac(value);
}, 'not a unicast MAC in lower case');
const port = z.int().min(1).max(65_535);
const socketPath = z
  .string()
  .regex(/^\/[^\0]+$/, 'not an absolute path')
  .refine((path) => Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES, 'too long for a unix socket');

/** Dotted labels of 1 to 63 bytes (RFC 1035, 2.3.4). */
const domain = z
  .string()
  .max(253)
  .regex(/^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/, 'not a domain name in lower case');
const upstream = z.string().refine((text) => parseUpstream(text) !== undefined, 'not a name server');

const vxlan = z
  .strictObject({
    id: z.int().min(0).max(MAX_VNI),
    port,
    localAddress: address,
    peers: z.array(address).max(MAX_PEERS),
  })
  .refine(({ localAddress, peers }) => peers.every((peer) => isIPv6(peer) === isIPv6(localAddress)), {
    path: ['peers'],
    message: 'a peer is of another family than the local address',
  });

const deviceName = z.string().regex(/^[^\s/:\0]{1,15}$/, 'not the name of a device');

const network = z
  .strictObject({
    name: identifier,
    mode: z.enum(['isolated', 'nat', 'routed', 'bridge']),
    mtuBytes: z.int().min(MIN_MTU_BYTES).max(MAX_MTU_BYTES),
    gatewayMac: mac,
    hostLoopback: z.boolean(),
    ipv4: z
      .strictObject({ address: ipv4, prefixLength: z.int().min(0).max(32), gateway: ipv4 })
      .exactOptional(),
    ipv6: z
      .strictObject({ address: ipv6, prefixLength: z.int().min(0).max(128), gateway: ipv6 })
      .exactOptional(),
    dhcp: z
      .strictObject({ rangeFirst: ipv4, rangeLast: ipv4, leaseSeconds: z.int().min(1).max(0xffff_ffff) })
      .exactOptional(),
    dns: z.strictObject({ domain, upstream: z.array(upstream).max(64) }).exactOptional(),
    uplink: z.strictObject({ device: deviceName, interfaceName: deviceName }).exactOptional(),
    gatewayElsewhere: z.literal(true).exactOptional(),
    vxlan: vxlan.exactOptional(),
    vdeDirectory: socketPath.exactOptional(),
    stations: z
      .array(
        z.strictObject({
          machine: identifier,
          mac,
          ipv4: ipv4.exactOptional(),
          ipv6: ipv6.exactOptional(),
        }),
      )
      .max(MAX_STATIONS)
      .exactOptional(),
  })
  .refine((value) => value.ipv6 === undefined || value.mtuBytes >= IPV6_MIN_MTU_BYTES, {
    path: ['mtuBytes'],
    message: `IPv6 needs ${IPV6_MIN_MTU_BYTES} bytes (RFC 8200, section 5)`,
  })
  .refine((value) => (value.mode === 'bridge') === (value.uplink !== undefined), {
    path: ['uplink'],
    message: 'a bridge network has one, and no other has',
  })
  .refine((value) => value.mode !== 'bridge' || (value.ipv4 ?? value.ipv6) === undefined, {
    path: ['mode'],
    message: 'the LAN gives the addresses of a bridge network',
  })
  .refine((value) => value.dhcp === undefined || value.ipv4 !== undefined, {
    path: ['dhcp'],
    message: 'DHCP needs an IPv4 subnet',
  });

const switchPort = z
  .strictObject({
    id: identifier,
    network: identifier,
    machine: identifier,
    mac,
    ipv4: ipv4.exactOptional(),
    ipv6: ipv6.exactOptional(),
    antiSpoofing: z.boolean(),
    socketPath: socketPath.exactOptional(),
    protocol: z.literal('vhost-user').exactOptional(),
    tap: z
      .strictObject({
        interfaceName: deviceName,
        namespacePath: z
          .string()
          .regex(/^\/[^\0]+$/, 'not an absolute path')
          .exactOptional(),
      })
      .exactOptional(),
  })
  .refine((value) => (value.socketPath === undefined) !== (value.tap === undefined), {
    path: ['socketPath'],
    message: 'a port has either a socket or a tap',
  })
  .refine((value) => value.protocol === undefined || value.socketPath !== undefined, {
    path: ['protocol'],
    message: 'it is spoken on a socket',
  });

const forward = z
  .strictObject({
    id: identifier,
    protocol: z.enum(['tcp', 'udp']),
    listenAddress: address,
    listenPortFirst: port,
    listenPortLast: port,
    network: identifier,
    targetAddresses: z.array(address).min(1),
    targetPortFirst: port,
    targetPortFixed: z.boolean(),
    shownSource: z.literal('gateway').exactOptional(),
  })
  .refine((value) => value.listenPortLast >= value.listenPortFirst, {
    path: ['listenPortLast'],
    message: 'the range ends before it begins',
  })
  .refine(
    (value) =>
      value.targetPortFixed || value.targetPortFirst + value.listenPortLast - value.listenPortFirst <= 65_535,
    { path: ['targetPortFirst'], message: 'the range of target ports goes past 65535' },
  );

const operation = z.union([
  z.strictObject({ put: z.literal('network'), value: network }),
  z.strictObject({ put: z.literal('port'), value: switchPort }),
  z.strictObject({ put: z.literal('forward'), value: forward }),
  z.strictObject({ delete: z.enum(['network', 'port', 'forward']), id: identifier }),
]) satisfies z.ZodType<FabricOperation>;

const nothing = z.strictObject({});

const paramsSchemas = {
  configuration: nothing,
  apply: z.strictObject({ operations: z.array(operation).max(MAX_OPERATIONS) }),
  status: nothing,
  leases: nothing,
  capture: z.strictObject({ port: identifier }),
  trace: z.strictObject({ port: identifier }),
  shutdown: nothing,
} satisfies { [Method in keyof FabricMethods]: z.ZodType<FabricMethods[Method][0]> };

export const requestSchema = z.strictObject({
  id: z.union([z.int(), z.string().max(64)]),
  method: z.enum(Object.keys(paramsSchemas) as [keyof FabricMethods, ...(keyof FabricMethods)[]]),
  params: z.unknown().optional(),
});

/** @throws PasserelleError `fabric/bad-request`. */
export function parseParams<Method extends keyof FabricMethods>(
  method: Method,
  params: unknown,
): FabricMethods[Method][0] {
  const parsed = paramsSchemas[method].safeParse(params ?? {});
  if (parsed.success) return parsed.data;
  throw new PasserelleError({ code: 'fabric/bad-request', message: describeIssues(parsed.error) }, 2);
}

/** The first few problems, each with its path, in one line. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.map(String).join('.') || 'request'}: ${issue.message}`)
    .join('; ');
}
