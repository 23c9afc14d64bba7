/**
 * The way to the LAN of a bridge network. The fabric takes it by a tap in a bridge of the host's own, or by a packet socket
 * on a NIC that is nobody's; never a NIC with the host's addresses: those would have to move to a bridge, under a watchdog,
 * which is the work of the engine linux. Here is what the file asks for, and what of it this host cannot give. Pure.
 */
import type { InterfaceAddress, Link } from '../../clients/iproute/links.js';
import { defaultRouteDevices, type Route } from '../../clients/iproute/routes.js';
import type { Problem } from '../../errors.js';
import type { FabricUplink } from '../../fabric/control/protocol.js';
import { locationOfKey, type SourceLocation } from '../../spec/source-location.js';
import type { Network } from '../../topology/topology.js';
import type { NativeFacts } from './check.js';

/** What the host has, read before anything is touched. */
export interface UplinkFacts extends NativeFacts {
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly Route[];
}

export function uplinkOf({ mode, uplink, interfaceName }: Network): FabricUplink | undefined {
  return mode === 'bridge' ? { device: uplink ?? 'default', interfaceName } : undefined;
}

/** Bridge networks that this host cannot carry. */
export function uplinkProblems(networks: readonly Network[], facts: UplinkFacts): Problem[] {
  return networks
    .filter(({ mode }) => mode === 'bridge')
    .flatMap((network) => {
      const problem = needOf(network, facts) ?? deviceProblem(network, facts);
      return problem === undefined ? [] : [problem];
    });
}

function needOf(network: Network, { hasKoffi, mayMakeDevices }: NativeFacts): Problem | undefined {
  const at = locationOfKey(network, 'mode');
  if (!mayMakeDevices) {
    return {
      code: 'user/bridge-needs-root',
      message: `network ${network.name} is on the LAN itself, which this user may not take part in`,
      fix: 'run it as root, or write `mode: nat` with forwards, which needs no privilege',
      at,
    };
  }
  if (hasKoffi) return undefined;
  return {
    code: 'user/koffi-missing',
    message: `network ${network.name} is on the LAN itself, for which the optional package koffi is needed`,
    fix: 'npm install koffi, or write `engine: linux` for this network',
    at,
  };
}

function deviceProblem(network: Network, { links, addresses, routes }: UplinkFacts): Problem | undefined {
  const { name, uplink = 'default', mtuBytes } = network;
  const at = locationOfKey(network, 'uplink');
  const device = uplink === 'default' ? defaultRouteDevices(routes, 4)[0] : uplink;
  const link = links.find(({ ifname }) => ifname === device);
  if (device === undefined || link === undefined) return noSuchUplink(name, device, links, at);
  if (link.mtu !== mtuBytes) {
    return {
      code: 'user/uplink-mtu',
      message: `network ${name} has an MTU of ${mtuBytes} and ${device} one of ${link.mtu}: on one segment all have the same`,
      fix: `write \`mtu: ${link.mtu}\``,
      at,
    };
  }
  const reason = link.kind === 'bridge' ? undefined : whyNotTaken(link, addresses);
  if (reason === undefined) return undefined;
  const { why, fix } = reason;
  return {
    code: 'user/uplink-not-free',
    message: `${device} cannot be the uplink of ${name}: ${why}`,
    fix,
    at,
  };
}

function noSuchUplink(
  network: string,
  device: string | undefined,
  links: readonly Link[],
  at: SourceLocation,
): Problem {
  const others = links.map(({ ifname }) => ifname).filter((ifname) => ifname !== 'lo');
  const why =
    device === undefined ? 'this host has no default route' : `this host has no such interface as ${device}`;
  return {
    code: 'user/no-such-uplink',
    message: `network ${network} has no uplink: ${why}`,
    fix: `write \`uplink:\` with one of: ${others.slice(0, 8).join(', ')}`,
    at,
  };
}

function whyNotTaken(
  link: Link,
  addresses: readonly InterfaceAddress[],
): { why: string; fix: string } | undefined {
  const { ifname, flags, master, portKind } = link;
  if (master !== undefined) {
    const fix = `write \`uplink: ${master}\``;
    return { why: `it is a port of ${master}${portKind === undefined ? '' : `, a ${portKind}`}`, fix };
  }
  if (flags.includes('LOOPBACK') || flags.includes('NOARP') || flags.includes('POINTOPOINT')) {
    return { why: 'it carries no Ethernet', fix: 'name a NIC, or write `mode: nat` or `mode: routed`' };
  }
  const own = addresses.find((address) => address.ifname === ifname && address.scope !== 'link');
  if (own !== undefined) {
    return {
      why: `it has the host's address ${own.address}, and host and machines would not see one another`,
      fix: 'write `engine: linux`, which moves the addresses to a bridge and back when that goes wrong; or name a bridge that the host has made of it',
    };
  }
  if (flags.includes('UP')) return undefined;
  return { why: 'it is down', fix: `ip link set ${ifname} up` };
}
