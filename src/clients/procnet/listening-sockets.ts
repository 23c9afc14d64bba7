/**
 * Which ports are taken in this network namespace, read from /proc/net (proc(5)): no privilege, no probe connection.
 */
import { readFile } from 'node:fs/promises';

export interface ListeningSocket {
  readonly protocol: 'tcp' | 'udp';
  /** Canonical text; `0.0.0.0` and `::` listen on every address. */
  readonly address: string;
  readonly port: number;
}

/** State column of a TCP socket that listens (include/net/tcp_states.h), and of a UDP socket that is not connected. */
const LISTENING = { tcp: '0A', udp: '07' } as const;

export async function readListeningSockets(): Promise<ListeningSocket[]> {
  const tables = (['tcp', 'udp'] as const).flatMap((protocol) =>
    ['', '6'].map(async (family) => {
      const text = await readFile(`/proc/net/${protocol}${family}`, 'utf8').catch(() => '');
      return parseSocketTable(text, protocol);
    }),
  );
  return (await Promise.all(tables)).flat();
}

/** Rows of /proc/net/{tcp,udp}[6] that listen. Addresses are hexadecimal words in host byte order (little-endian). */
export function parseSocketTable(text: string, protocol: 'tcp' | 'udp'): ListeningSocket[] {
  return text.split('\n').flatMap((line): ListeningSocket[] => {
    const [, local, , state] = line.trim().split(/\s+/);
    const [address, port] = local?.split(':') ?? [];
    if (state !== LISTENING[protocol] || address === undefined || port === undefined) return [];
    return [{ protocol, address: addressText(address), port: Number.parseInt(port, 16) }];
  });
}

function addressText(hex: string): string {
  const bytes = [...Buffer.from(hex, 'hex')];
  const networkOrder = Array.from({ length: bytes.length / 4 }, (_, word) =>
    bytes.slice(word * 4, word * 4 + 4).reverse(),
  ).flat();
  if (networkOrder.length === 4) return networkOrder.join('.');
  if (networkOrder.every((byte) => byte === 0)) return '::';
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((networkOrder[index * 2]! << 8) | networkOrder[index * 2 + 1]!).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
