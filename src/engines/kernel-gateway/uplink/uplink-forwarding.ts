/**
 * Forwarding on the devices that packets of our networks come back by. IPv4 asks the device a packet came in on, so the
 * uplinks alone are switched; so does IPv6 since Linux 6.17, and older kernels forward it for all devices or none.
 *
 * A host whose IPv6 gateway was told by router advertisements would lose it: as soon as any device begins to forward, the
 * kernel forgets every advertised default route, but for devices whose accept_ra is 2 (rt6_purge_dflt_routers of Linux's
 * net/ipv6/route.c). So these are told to listen on, before anything of ours forwards.
 */
import { interfaceSetting, type Settings } from '../../../clients/sysctl/sysctl.js';
import { defaultRouteDevices, type Route } from '../../../clients/iproute/routes.js';
import type { Json, Resource } from '../../../plan/resource.js';
import type { Network } from '../../../topology/topology.js';
import type { Hold } from '../holds.js';

export const UPLINK_FORWARDING_KIND = 'uplink-forwarding';
const ALL_IPV6 = 'net.ipv6.conf.all.forwarding';
const ALL_RP_FILTER = 'net.ipv4.conf.all.rp_filter';
const FORCE_PROBE = 'net.ipv6.conf.default.force_forwarding';

interface UplinkForwarding {
  /** `default`: the devices with a default route, as they are now. */
  readonly uplink: string;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** The uplink answers ARP for the machines. */
  readonly proxyArp: boolean;
  /** It answers neighbour discovery for them. */
  readonly proxyNdp: boolean;
}

/** A routed network whose machines the host answers for on the LAN, by IPv6. */
export function asksForNeighbourProxy({ mode, ipv6, options }: Network): boolean {
  return mode === 'routed' && ipv6 !== undefined && options['proxy-ndp'] === true;
}

/**
 * One resource for each uplink that networks with a gateway leave by.
 * @param answeredIpv6 networks that have public IPv6 addresses, which the host answers for.
 */
export function desireUplinkForwarding(
  provider: string,
  networks: readonly Network[],
  answeredIpv6: ReadonlySet<string> = new Set(),
): Resource[] {
  const leaving = networks.filter(({ mode }) => mode === 'nat' || mode === 'routed');
  const uplinks = [...new Set(leaving.map(({ uplink = 'default' }) => uplink))].sort();
  return uplinks.map((uplink): Resource => {
    const users = leaving.filter((network) => (network.uplink ?? 'default') === uplink);
    const [first] = users;
    return {
      id: `${provider}/${UPLINK_FORWARDING_KIND}/${uplink}`,
      provider,
      kind: UPLINK_FORWARDING_KIND,
      properties: properties({
        uplink,
        ipv4: users.some(({ ipv4 }) => ipv4 !== undefined),
        ipv6: users.some(({ ipv6 }) => ipv6 !== undefined),
        proxyArp: users.some((network) => network.mode === 'routed' && network.options['proxy-arp'] === true),
        proxyNdp: users.some((network) => asksForNeighbourProxy(network) || answeredIpv6.has(network.name)),
      }),
      needs: [],
      reason: `${users.map(({ name }) => name).join(', ')} reach${users.length === 1 ? 'es' : ''} other networks by it`,
      ...(first && { source: first.source }),
      affects: [],
    };
  });
}

/** What has to be held for the resource on this host as it is now. */
export function holdsFor(resource: Resource, routes: readonly Route[], settings: Settings): Hold[] {
  const { uplink, ipv4, ipv6, proxyArp, proxyNdp } = resource.properties as unknown as UplinkForwarding;
  const holds: Hold[] = [];
  const on = (setting: string, value = '1'): void => void holds.push({ setting, value });
  if (ipv4) {
    // What comes back by another way than the host's own must not look forged: loose is as strict as it can be
    // (ip-sysctl, rp_filter; the larger one of `all` and the device's own holds).
    const isStrict = [ALL_RP_FILTER, interfaceSetting('ipv4', uplink, 'rp_filter')].some((setting) =>
      /^[12]$/.test(settings.get(setting) ?? ''),
    );
    if (uplink !== 'default' && isStrict) on(interfaceSetting('ipv4', uplink, 'rp_filter'), '2');
    for (const device of uplinkDevices(uplink, routes, 4)) {
      on(interfaceSetting('ipv4', device, 'forwarding'));
      if (proxyArp) on(interfaceSetting('ipv4', device, 'proxy_arp'));
    }
  }
  if (ipv6) {
    for (const device of listeningDevices(uplink, routes)) {
      const setting = interfaceSetting('ipv6', device, 'accept_ra');
      // 2 already: by the host's own choice, or by a hold of ours.
      if (/^[12]$/.test(settings.get(setting) ?? '')) on(setting, '2');
    }
    const perDevice = settings.has(FORCE_PROBE);
    if (!perDevice) on(ALL_IPV6);
    for (const device of uplinkDevices(uplink, routes, 6)) {
      if (perDevice) on(interfaceSetting('ipv6', device, 'force_forwarding'));
      if (!proxyNdp) continue;
      on(interfaceSetting('ipv6', device, 'proxy_ndp'));
      // Only a router answers for others (ndisc_recv_ns of Linux's net/ipv6/ndisc.c), and this says that it is one.
      if (perDevice) on(interfaceSetting('ipv6', device, 'forwarding'));
    }
  }
  return holds;
}

/** Of these, the holds without which the host would lose its own gateway when something of ours begins to forward. */
export function holdsBeforeForwarding(holds: readonly Hold[]): Hold[] {
  return holds.filter(({ setting }) => setting.endsWith('.accept_ra'));
}

/** Devices by which the host may have its IPv6 gateway, whatever uplink our networks leave by. */
function listeningDevices(uplink: string, routes: readonly Route[]): string[] {
  return [...new Set([...uplinkDevices(uplink, routes, 6), ...defaultRouteDevices(routes, 6)])];
}

/** The settings that {@link holdsFor} and {@link observeUplinkForwarding} look at. */
export function uplinkSettingNames(uplinks: readonly string[], routes: readonly Route[]): string[] {
  const devices = new Set(
    uplinks.flatMap((uplink) => [...uplinkDevices(uplink, routes, 4), ...listeningDevices(uplink, routes)]),
  );
  return [
    ALL_IPV6,
    FORCE_PROBE,
    ALL_RP_FILTER,
    ...[...devices].flatMap((device) => [
      interfaceSetting('ipv4', device, 'forwarding'),
      interfaceSetting('ipv4', device, 'proxy_arp'),
      interfaceSetting('ipv4', device, 'rp_filter'),
      interfaceSetting('ipv6', device, 'force_forwarding'),
      interfaceSetting('ipv6', device, 'forwarding'),
      interfaceSetting('ipv6', device, 'proxy_ndp'),
      interfaceSetting('ipv6', device, 'accept_ra'),
    ]),
  ];
}

/** The devices that are meant, as the host is now. */
export function uplinkDevices(uplink: string, routes: readonly Route[], family: 4 | 6): string[] {
  return uplink === 'default' ? defaultRouteDevices(routes, family) : [uplink];
}

/** The same as a person types it: which devices have a default route the shell finds out. */
export function typedUplinkDevices(uplink: string, family: 4 | 6): string {
  return uplink === 'default'
    ? `$(ip -${family} -o route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | sort -u)`
    : uplink;
}

function properties(value: UplinkForwarding): Record<string, Json> {
  return { ...value };
}
