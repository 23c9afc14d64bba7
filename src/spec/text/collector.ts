import { formatAddress, parseAddress } from '../../wire/address.js';
import type { Parsed } from '../problems/fault.js';
import { quoted } from '../problems/wording.js';

/** Reads where a collector of flow records listens: `192.0.2.9:6343`, `[2001:db8::9]:6343`. @returns the same, canonical. */
export function parseCollector(text: string): Parsed<string> {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+)):(?<port>[1-9]\d{0,4})$/u.exec(text)?.groups;
  const address = parseAddress(match?.['six'] ?? match?.['four'] ?? '');
  const port = Number(match?.['port']);
  if (address !== undefined && port <= 65_535 && (address.family === 6) === (match?.['six'] !== undefined)) {
    const written = formatAddress(address);
    return { value: `${address.family === 6 ? `[${written}]` : written}:${port}` };
  }
  return {
    fault: {
      code: 'spec/bad-collector',
      message: `${quoted(text)} does not say where a collector listens`,
      fix: 'write ADDRESS:PORT, for example 192.0.2.9:6343 or "[2001:db8::9]:6343"',
    },
  };
}
