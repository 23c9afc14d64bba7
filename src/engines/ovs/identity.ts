/**
 * What makes an object ours: `external_ids` on every row of OVSDB, the top 16 bits of a flow's cookie, an alternative
 * name on a tap. All of it leads back to the resource without a state file.
 */
import { createHash } from 'node:crypto';
import { nameOf, type Owner } from '../open-vswitch/owner.js';

export const PROVIDER = 'ovs';

export type Kind =
  | 'bridge'
  | 'tap'
  | 'port'
  | 'rules'
  | 'uplink'
  | 'tunnel'
  | 'export'
  | 'mirror'
  | 'capture'
  | 'namespace'
  | 'inside';

/** `external_ids` key that names the project. */
export const PROJECT_KEY = 'passerelle-project';
/** `external_ids` key that names the resource, `port/web1/0`. */
export const RESOURCE_KEY = 'passerelle-resource';

export function ownerOf(project: string): Owner {
  return { project, provider: PROVIDER };
}

/** `ovs/port/web1/0` */
export function resourceId(kind: Kind, name: string): string {
  return `${PROVIDER}/${kind}/${name}`;
}

/** `external_ids` key on an uplink's port: what the file calls the uplink. */
export const UPLINK_KEY = 'passerelle-uplink';

/** `external_ids` key on a port whose device lives in a namespace: which. */
export const NAMESPACE_KEY = 'passerelle-namespace';

/** `external_ids` key on a tunnel's port: the file that its key is in. */
export const PSK_FILE_KEY = 'passerelle-psk-file';

/** `external_ids` key on the port of a capture: the process it is for, `PID:TICKS`. */
export const PROCESS_KEY = 'passerelle-process';

/** The mark of one row. */
export function externalIds(project: string, id: string): Readonly<Record<string, string>> {
  return { [PROJECT_KEY]: project, [RESOURCE_KEY]: id.slice(PROVIDER.length + 1) };
}

/** `ps`: flows whose cookie begins so are ours, on bridges that are ours. */
const COOKIE_MARK = '7073';
/** Cookie and mask for `ovs-ofctl`: every flow of ours on a bridge. */
export const ANY_COOKIE = `0x${COOKIE_MARK}000000000000/0xffff000000000000`;

export function isOurCookie(cookie: string): boolean {
  return cookie.startsWith(`0x${COOKIE_MARK}`);
}

/** The cookie of a resource's flows: the mark and 48 bits of a hash, as ovs-ofctl prints it. */
export function cookieOf(id: string): string {
  // Flows whose resource is unknown are named by their cookie.
  const name = nameOf(id);
  return isOurCookie(name) ? name : `0x${COOKIE_MARK}${hashOf(id).slice(0, 12)}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
