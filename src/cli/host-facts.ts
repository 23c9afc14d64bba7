/** What the host says of itself before anything is resolved: the only reading that happens left of the plan. */
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { readJsonFile } from '../plan/json-file.js';
import type { Places } from '../places.js';
import type { HostFacts } from '../topology/host-facts.js';
import { parseIpv4Routes, parseIpv6Routes } from '../topology/host-routes.js';
import { parseRememberedChoices } from '../topology/remembered.js';

export const CHOICES_FILE = 'choices.json';

export async function readHostFacts(places: Places): Promise<HostFacts> {
  const [ipv4Routes, ipv6Routes, choices] = await Promise.all([
    readFile('/proc/net/route', 'utf8').catch(() => ''),
    readFile('/proc/net/ipv6_route', 'utf8').catch(() => ''),
    readJsonFile(join(places.stateDir, CHOICES_FILE)),
  ]);
  const ownAddresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return {
    busySubnets: [
      ...parseIpv4Routes(ipv4Routes),
      // The kernel lists each of its own addresses as a route of one address: those are told of below.
      ...parseIpv6Routes(ipv6Routes).filter((route) => !route.endsWith('/128')),
      ...ownAddresses.flatMap((address) => (address.cidr === null ? [] : [address.cidr])),
    ],
    remembered: parseRememberedChoices(choices),
  };
}
