/** What stands behind every gateway of the project, one of each: router, NAT, DHCP, DHCPv6, DNS, forwards. */
import type { Duplex } from 'node:stream';
import type { FabricConfiguration } from './control/protocol.js';
import type { ForwardListeners } from './forward-update.js';
import { DhcpServer } from './gateway/dhcp/dhcp-server.js';
import { LeaseStore } from './gateway/dhcp/lease-store.js';
import { Dhcpv6Server } from './gateway/dhcpv6/dhcpv6-server.js';
import { DnsServer } from './gateway/dns/dns-server.js';
import { DnsTcpSession } from './gateway/dns/tcp-session.js';
import type { GatewayLink } from './gateway/link.js';
import { Router } from './gateway/router.js';
import type { GatewayServices } from './gateway/services.js';
import { loadPingSockets } from './nat/icmp/ping-socket.js';
import { UserNat } from './nat/user-nat.js';

const DNS_PORT = 53;

export interface Services extends GatewayServices {
  readonly nat: UserNat;
  readonly dhcp: DhcpServer;
  readonly forwards: ForwardListeners;
  /** Takes the project's networks and ports as they are from now on. */
  configure(configuration: FabricConfiguration): void;
  /** Ends flows and queries, and writes what is not yet on disk. */
  close(): Promise<void>;
}

/**
 * @param leasePath the file of leases.
 * @param linkOf the gateway of a network, while it has one.
 */
export function createServices(
  leasePath: string,
  log: (line: string) => void,
  linkOf: (network: string) => GatewayLink | undefined,
): Services {
  const dhcp = new DhcpServer(new LeaseStore(leasePath, log), log);
  const dhcpv6 = new Dhcpv6Server(log);
  const dns = new DnsServer();
  const nat = new UserNat();
  // Nothing waits for them: until they are there, guests' pings go no further than the gateway.
  void usePingSockets(nat, log);
  nat.registerLocalTcp(DNS_PORT, (stream, { network }) => serveDns(dns, stream, network));
  return {
    router: new Router(),
    nat,
    dhcp,
    dhcpv6,
    dns,
    forwards: forwardsThrough(nat, linkOf),
    configure(configuration) {
      for (const server of [dhcp, dhcpv6, dns]) server.configure(configuration);
    },
    async close() {
      nat.close();
      dns.close();
      await dhcp.close();
    },
  };
}

async function usePingSockets(nat: UserNat, log: (line: string) => void): Promise<void> {
  const open = await loadPingSockets();
  if (open === undefined) log('pings to the outside go unanswered: the optional package koffi is not there');
  else nat.usePingSockets(open);
}

function serveDns(dns: DnsServer, stream: Duplex, network: string): void {
  const session = new DnsTcpSession({
    answer: (query) => dns.handle(query, 'tcp', network),
    send(bytes) {
      // A client that asks and does not listen is read from no further.
      if (!stream.write(bytes)) stream.pause();
    },
    end: () => stream.end(),
  });
  stream.on('data', (bytes: Buffer) => session.receive(bytes));
  stream.on('drain', () => stream.resume());
  stream.on('end', () => session.receiveEnd());
  stream.on('close', () => session.close());
  stream.on('error', () => undefined);
}

function forwardsThrough(
  nat: UserNat,
  linkOf: (network: string) => GatewayLink | undefined,
): ForwardListeners {
  return {
    async put(forward) {
      const link = linkOf(forward.network);
      // The configuration lets no forward stand on a network without the target's subnet.
      if (link === undefined) throw new Error(`${forward.network} has no gateway`);
      await nat.putForward(forward, link);
    },
    delete: (id) => nat.deleteForward(id),
  };
}
