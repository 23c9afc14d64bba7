import type { Resource } from '../../plan/resource.js';
import { TABLE_KIND } from '../kernel-gateway/desire.js';

export const PROVIDER = 'linux';
export const GUARD_TABLE_ID = `${PROVIDER}/${TABLE_KIND}/guard`;
export const PEER_TABLE_ID = `${PROVIDER}/${TABLE_KIND}/tunnels`;
export const CLOSED_TABLE_ID = `${PROVIDER}/${TABLE_KIND}/closed`;

/** A resource of this engine, without what only a wish has: reason and source. */
export function resource(
  kind: string,
  name: string,
  properties: Resource['properties'],
  needs: readonly string[],
): Resource {
  return { id: `${PROVIDER}/${kind}/${name}`, provider: PROVIDER, kind, properties, needs, affects: [] };
}
