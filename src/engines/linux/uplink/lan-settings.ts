/** Settings of the NIC by which the host takes part in the LAN, and which the bridge must have alike. */
import type { Run } from '../../../clients/command/run.js';
import { interfaceSetting, readSettings, writeSettings } from '../../../clients/sysctl/sysctl.js';

const LAN_SETTINGS = [
  ['ipv4', 'rp_filter'],
  ['ipv4', 'arp_ignore'],
  ['ipv4', 'arp_announce'],
  ['ipv6', 'disable_ipv6'],
  ['ipv6', 'accept_ra'],
  ['ipv6', 'autoconf'],
  ['ipv6', 'use_tempaddr'],
] as const;

export async function copyLanSettings(
  run: Run,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const names = LAN_SETTINGS.map(([family, key]) => interfaceSetting(family, from, key));
  const values = await readSettings(run, names, signal);
  const copies = LAN_SETTINGS.flatMap(([family, key]): [string, string][] => {
    const value = values.get(interfaceSetting(family, from, key));
    return value === undefined ? [] : [[interfaceSetting(family, to, key), value]];
  });
  await writeSettings(run, new Map(copies), signal);
}
