import { createHash } from 'node:crypto';
import type { Network } from '../../topology/topology.js';

/** Kernel name of the port of an isolated network's server: 15 characters at most (IFNAMSIZ), unique by hash. */
export function serverPortName(network: Network): string {
  return `psls${digestOf(network)}`;
}

/** The same of its port to other hosts. */
export function tunnelPortName(network: Network): string {
  return `pslx${digestOf(network)}`;
}

function digestOf(network: Network): string {
  return createHash('sha256').update(network.interfaceName).digest('hex').slice(0, 10);
}
