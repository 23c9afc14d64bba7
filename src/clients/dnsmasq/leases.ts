/**
 * The lease file of dnsmasq: `EXPIRY MAC ADDRESS HOSTNAME CLIENT-ID` a line for IPv4; after a line `duid …`, IPv6 leases
 * with the identity association in place of the MAC. The expiry is in seconds since the epoch, 0 for never.
 */
export interface DnsmasqLease {
  /** Of an IPv6 lease only when its client id carries one (DUID-LL or DUID-LLT, RFC 8415 section 11). */
  readonly mac?: string;
  readonly address: string;
  readonly hostname?: string;
  readonly expiresAtMs?: number;
}

/** Lines that are no leases are passed over: dnsmasq may be writing while we read. */
export function parseLeases(text: string): DnsmasqLease[] {
  return text.split('\n').flatMap((line): DnsmasqLease[] => {
    const fields = line.split(' ');
    const [expiry, second, address, hostname, clientId] = fields;
    if (fields.length < 5 || !/^\d{1,15}$/.test(expiry ?? '')) return [];
    if (address === undefined || second === undefined || clientId === undefined) return [];
    const mac = address.includes(':') ? macOfDuid(clientId) : macOf(second);
    if (!address.includes(':') && mac === undefined) return [];
    return [
      {
        address,
        ...(mac !== undefined && { mac }),
        ...(hostname !== undefined && hostname !== '*' && hostname !== '' && { hostname }),
        ...(Number(expiry) !== 0 && { expiresAtMs: Number(expiry) * 1000 }),
      },
    ];
  });
}

function macOf(text: string): string | undefined {
  return /^(?:[\da-f]{2}:){5}[\da-f]{2}$/i.test(text) ? text.toLowerCase() : undefined;
}

/** DUID-LLT (type 1) and DUID-LL (type 3) over Ethernet (hardware type 1) end in the MAC. */
function macOfDuid(duid: string): string | undefined {
  const match = /^00:(?:01:00:01(?::[\da-f]{2}){4}|03:00:01):((?:[\da-f]{2}:){5}[\da-f]{2})$/i.exec(duid);
  return match?.[1]?.toLowerCase();
}
