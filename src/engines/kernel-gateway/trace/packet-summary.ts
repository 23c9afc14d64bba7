/** A packet in few words, from the fields that nft tells of it. Pure. */
import type { PacketSummary } from '../../contract.js';

type Fields = ReadonlyMap<string, string>;

export function summaryOf(fields: Fields): PacketSummary {
  const protocol = protocolOf(fields);
  const port = (end: string): number | undefined => {
    const number = Number(fields.get(`${protocol} ${end}`));
    return Number.isInteger(number) ? number : undefined;
  };
  const [source, target] = endsOf(fields);
  const sourcePort = port('sport');
  const targetPort = port('dport');
  const detail = detailOf(fields, protocol);
  return {
    source,
    target,
    protocol,
    ...(sourcePort !== undefined && { sourcePort }),
    ...(targetPort !== undefined && { targetPort }),
    ...(detail !== undefined && { detail }),
  };
}

/** `as 192.0.2.2`, `to 10.0.0.11:80`: what has become of the addresses. */
export function translation(first: Fields, last: Fields): string[] {
  const before = endsOf(first);
  const after = endsOf(last);
  const port = last.get(`${protocolOf(last)} dport`);
  return [
    ...(before[0] === after[0] ? [] : [`as ${after[0]}`]),
    ...(before[1] === after[1] ? [] : [`to ${after[1]}${port === undefined ? '' : `:${port}`}`]),
  ];
}

function endsOf(fields: Fields): [source: string, target: string] {
  const end = (name: string): string =>
    fields.get(`ip ${name}`) ?? fields.get(`ip6 ${name}`) ?? fields.get(`ether ${name}`) ?? '?';
  return [end('saddr'), end('daddr')];
}

const TRANSPORTS = ['tcp', 'udp', 'icmp', 'icmpv6', 'sctp', 'dccp', 'arp'] as const;

function protocolOf(fields: Fields): string {
  const names = [...fields.keys()];
  const transport = TRANSPORTS.find((one) => names.some((name) => name.startsWith(`${one} `)));
  return (
    transport ??
    fields.get('ip protocol') ??
    fields.get('ip6 nexthdr') ??
    (fields.has('ip saddr') ? 'ip' : fields.has('ip6 saddr') ? 'ip6' : 'ethernet')
  );
}

function detailOf(fields: Fields, protocol: string): string | undefined {
  switch (protocol) {
    case 'tcp':
      return fields.get('tcp flags');
    case 'icmp':
    case 'icmpv6':
      return fields.get(`${protocol} type`);
    case 'arp':
      return fields.get('arp operation');
    default:
      return undefined;
  }
}
