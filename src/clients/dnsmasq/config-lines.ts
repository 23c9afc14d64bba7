/**
 * What dnsmasq is told (dnsmasq(8)), as lines of its configuration files. One dnsmasq serves many networks: it tells
 * them apart by the interface a request came in on. Pure.
 */
export interface DnsmasqServer {
  /** Addresses asked for names that are not local; `host`: those of /etc/resolv.conf; empty: nobody is asked. */
  readonly upstream: readonly string[] | 'host';
}

/** Paths of one instance. */
export interface DnsmasqPaths {
  readonly config: string;
  readonly leases: string;
  readonly pid: string;
  /** Stands while the configuration is ahead of the running process. */
  readonly staleMark: string;
}

export interface DnsmasqNetwork {
  readonly device: string;
  readonly mtuBytes: number;
  /** Whether machines are told that the gateway leads further. */
  readonly isRouter: boolean;
  /** Names are `MACHINE.DOMAIN`; null: no names are served. */
  readonly domain: string | null;
  /** `block` is `10.10.10.0/24`. */
  readonly ipv4: { readonly block: string; readonly netmask: string; readonly gateway: string } | null;
  readonly ipv6: { readonly block: string; readonly gateway: string } | null;
  readonly dhcp: { readonly first: string; readonly last: string; readonly leaseSeconds: number } | null;
}

/** A fixed address and a name of one NIC. */
export interface DnsmasqHost {
  readonly mac: string;
  readonly name: string;
  readonly domain: string | null;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly network: string;
}

/** Leases of one instance: a bound, since a machine may ask under any number of MACs. */
const LEASE_LIMIT = 65_536;

/** RFC 4861 section 6.2.1: MaxRtrAdvInterval and AdvDefaultLifetime of a router that is meant to be found quickly. */
const ADVERTISEMENT_INTERVAL_SECONDS = 60;
const ROUTER_LIFETIME_SECONDS = 1800;
const IPV6_LEASE_SECONDS = 3600;

export function serverLines(server: DnsmasqServer, paths: DnsmasqPaths): string[] {
  return [
    'bind-dynamic',
    'except-interface=lo',
    'no-hosts',
    'localise-queries',
    'domain-needed',
    'dhcp-authoritative',
    // Addresses are decided by the file: no three seconds of ping before each lease.
    'no-ping',
    'enable-ra',
    'quiet-dhcp',
    'quiet-dhcp6',
    'quiet-ra',
    `dhcp-lease-max=${LEASE_LIMIT}`,
    `dhcp-leasefile=${paths.leases}`,
    `pid-file=${paths.pid}`,
    ...(server.upstream === 'host'
      ? []
      : ['no-resolv', ...server.upstream.map((address) => `server=${address}`)]),
  ];
}

export function networkLines(name: string, network: DnsmasqNetwork): string[] {
  const { device, domain, ipv4, ipv6, dhcp, mtuBytes } = network;
  const option = (code: string, value: string): string =>
    `dhcp-option=tag:${name},${code}${value === '' ? '' : `,${value}`}`;
  const lines = [`interface=${device}`];
  if (domain !== null) {
    lines.push(`local=/${domain}/`);
    for (const family of [ipv4, ipv6]) if (family !== null) lines.push(`domain=${domain},${family.block}`);
  }
  if (ipv4 !== null && dhcp !== null) {
    lines.push(
      `dhcp-range=set:${name},${dhcp.first},${dhcp.last},${ipv4.netmask},${dhcp.leaseSeconds}`,
      // An option without a value is one that is not sent.
      option('option:router', network.isRouter ? ipv4.gateway : ''),
      option('option:dns-server', domain === null ? '' : ipv4.gateway),
      option('option:mtu', String(mtuBytes)),
    );
    if (domain !== null) lines.push(option('option:domain-search', domain));
  }
  if (ipv6 !== null) {
    const [first, prefixLength] = ipv6.block.split('/');
    const lifetime = network.isRouter ? ROUTER_LIFETIME_SECONDS : 0;
    lines.push(
      `dhcp-range=set:${name},${first},static,slaac,${prefixLength},${dhcp?.leaseSeconds ?? IPV6_LEASE_SECONDS}`,
      `ra-param=${device},mtu:${mtuBytes},${ADVERTISEMENT_INTERVAL_SECONDS},${lifetime}`,
      option('option6:dns-server', domain === null ? '' : `[${ipv6.gateway}]`),
    );
    if (domain !== null) lines.push(option('option6:domain-search', domain));
  }
  return lines;
}

/**
 * Said in the configuration itself and not in a hosts file: that would be read after dnsmasq has given up root, when it
 * can no longer pass through a directory that is root's alone.
 */
export function hostLines(host: DnsmasqHost): string[] {
  const addresses = [host.ipv4 ?? [], host.ipv6 === null ? [] : `[${host.ipv6}]`].flat();
  const names = [
    `${host.name}.${host.domain}`,
    host.name,
    ...[host.ipv4, host.ipv6].filter((address) => address !== null),
  ];
  return [
    `dhcp-host=${[host.mac, ...addresses, host.name].join(',')}`,
    ...(host.domain === null || addresses.length === 0 ? [] : [`host-record=${names.join(',')}`]),
  ];
}
