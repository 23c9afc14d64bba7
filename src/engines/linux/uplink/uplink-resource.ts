/** The uplink of a `bridge` network as a resource. Pure. */
import type { Link } from '../../../clients/iproute/links.js';
import { defaultRouteDevices, type Route } from '../../../clients/iproute/routes.js';
import type { Problem } from '../../../errors.js';
import type { Json, Resource } from '../../../plan/resource.js';
import type { SourceLocation } from '../../../spec/source-location.js';
import type { Network } from '../../../topology/topology.js';

export const UPLINK_KIND = 'uplink';

export interface Uplink {
  /** As the file says it: a NIC of the host, or `default`. */
  readonly uplink: string;
  readonly bridge: string;
  readonly isMember: boolean;
  /** No watchdog is waiting for a word on it. */
  readonly isCommitted: boolean;
  /** Addresses that must go on answering when the NIC is taken. */
  readonly probes: readonly string[];
}

/** What was written down when the NIC was taken. */
export interface UplinkRecord {
  /** As the file said it. */
  readonly uplink: string;
  readonly device: string;
  readonly isCommitted: boolean;
  readonly probes: readonly string[];
}

function probesOf({ options }: Network): string[] {
  const probes = options['probes'];
  return Array.isArray(probes) ? probes.filter((probe) => typeof probe === 'string').sort() : [];
}

export function uplinkProperties(network: Network): Record<string, Json> {
  const uplink: Uplink = {
    uplink: network.uplink ?? 'default',
    bridge: network.interfaceName,
    isMember: true,
    isCommitted: true,
    probes: probesOf(network),
  };
  return { ...uplink };
}

/** @param record absent when it is lost. */
export function observedUplink(
  link: Link,
  record: UplinkRecord | undefined,
  bridge: string | undefined,
): Record<string, Json> {
  const uplink: Uplink = {
    uplink: record?.uplink ?? link.ifname,
    bridge: link.master ?? '',
    isMember: link.master !== undefined && link.master === bridge,
    isCommitted: record?.isCommitted ?? true,
    probes: record?.probes ?? [],
  };
  return { ...uplink };
}

/** The NIC that is meant. */
export function resolveUplink(uplink: string, routes: readonly Route[]): string | undefined {
  return uplink === 'default'
    ? (defaultRouteDevices(routes, 4)[0] ?? defaultRouteDevices(routes)[0])
    : uplink;
}

export function uplinkOf(resource: Resource): Uplink {
  return resource.properties as unknown as Uplink;
}

export function noUplink(network: string, at?: SourceLocation): Problem {
  return {
    code: 'linux/no-uplink',
    message: `network ${network} needs a NIC of the host, and the host has no default route that would name one`,
    fix: 'write `uplink: eth0`, with the name of the NIC (`ip -br link`)',
    ...(at && { at }),
  };
}
