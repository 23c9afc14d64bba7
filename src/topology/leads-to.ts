import type { Forward } from './topology.js';

/** Why a forward is there, for the plan: `leads to web1:9090, web2:9090`. */
export function leadsTo({ targets, targetPortFirst }: Forward): string {
  return `leads to ${targets.map(({ machine }) => `${machine}:${targetPortFirst}`).join(', ')}`;
}
