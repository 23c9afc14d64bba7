/** The kinds of thing this engine keeps, and their properties. Pure. */
import { NO_VLAN, type SwitchSettings } from '../../clients/vde/switch-control.js';
import type { SwitchPort } from '../../clients/vde/tables.js';
import type { Json, Resource } from '../../plan/resource.js';

export const PROVIDER = 'vde';

export const SWITCH_KIND = 'switch';
/** A machine's port: its QEMU plugs into it, or a patch panel does for a QEMU without VDE. */
export const PORT_KIND = 'port';
/** A port into which a `vde_plug` of ours is plugged, with what is at its other end. */
export const CABLE_KIND = 'cable';

/** `dead`: its files stand and its process does not. `silent`: it runs and does not answer. */
export type SwitchState = 'running' | 'silent' | 'dead';

export interface SwitchProperties {
  readonly state: SwitchState;
  /** How often a switch of this network has been started. */
  readonly incarnation: number;
  readonly portCount: number;
  readonly isHub: boolean;
  readonly speaksFstp: boolean;
}

export interface PortProperties {
  readonly number: number;
  /** VLAN of frames without a tag; NO_VLAN: none are taken. */
  readonly untaggedVlan: number;
  /** Sorted. */
  readonly taggedVlans: readonly number[];
}

/** What stands on a port: nothing of ours, or a cable. */
export interface MachinePortProperties extends PortProperties {
  /** As that of a cable, for a patch panel. */
  readonly end?: readonly string[];
}

export interface CableProperties extends PortProperties {
  /** What `vde_plug` is told of the other end: a URL, or `=` and a command. */
  readonly end: readonly string[];
}

export { NO_VLAN };

export function resourceId(kind: string, name: string): string {
  return `${PROVIDER}/${kind}/${name}`;
}

/** `web1/0` of `vde/port/web1/0`. */
export function nameOf(resource: Pick<Resource, 'id'>): string {
  return resource.id.split('/').slice(2).join('/');
}

/** The network whose switch a resource is, or stands on. */
export function networkOf(resource: Pick<Resource, 'id' | 'kind' | 'needs'>): string {
  if (resource.kind === SWITCH_KIND) return nameOf(resource);
  const prefix = `${PROVIDER}/${SWITCH_KIND}/`;
  return resource.needs.find((id) => id.startsWith(prefix))?.slice(prefix.length) ?? '';
}

export function switchResource(network: string, properties: SwitchProperties): Resource {
  return makeResource(SWITCH_KIND, network, { ...properties }, []);
}

export function portResource(network: string, nicId: string, properties: MachinePortProperties): Resource {
  return {
    ...makeResource(PORT_KIND, nicId, { ...properties }, [resourceId(SWITCH_KIND, network)]),
    affects: [nicId.split('/')[0] ?? ''],
  };
}

/** @param name unique in the network: `plug-1a2b3c4d`. */
export function cableResource(network: string, name: string, properties: CableProperties): Resource {
  return makeResource(CABLE_KIND, `${network}/${name}`, { ...properties }, [
    resourceId(SWITCH_KIND, network),
  ]);
}

/** Whether a `vde_plug` of ours is in the port. */
export function hasCable({ properties }: Pick<Resource, 'properties'>): boolean {
  return 'end' in properties;
}

/**
 * What a cable is called in its network: `plug-1a2b3c4d` of `vde/cable/back/plug-1a2b3c4d`; that of a machine's port,
 * `nic-web1-0` of `vde/port/web1/0`.
 */
export function cableName(resource: Pick<Resource, 'id'>): string {
  const [, kind, ...names] = resource.id.split('/');
  return kind === PORT_KIND ? `nic-${names.join('-')}` : names.slice(1).join('/');
}

export function switchOf(resource: Resource): SwitchProperties {
  // Made by the functions above, as are the others.
  return resource.properties as unknown as SwitchProperties;
}

export function portOf(resource: Pick<Resource, 'properties'>): PortProperties {
  return resource.properties as unknown as PortProperties;
}

export function cableOf(resource: Pick<Resource, 'properties'>): CableProperties {
  return resource.properties as unknown as CableProperties;
}

export function runningSwitch(incarnation: number, settings: SwitchSettings): SwitchProperties {
  return { state: 'running', incarnation, ...settings };
}

/** What the switch says of a port, beside what is only in our record of it. */
export function observedPort(
  recorded: Readonly<Record<string, Json>>,
  port: SwitchPort,
  vlans: ReadonlyMap<number, ReadonlySet<number>>,
): Readonly<Record<string, Json>> {
  const taggedVlans = [...vlans]
    .filter(([vlan, tagged]) => vlan !== port.untaggedVlan && tagged.has(port.number))
    .map(([vlan]) => vlan)
    .sort((a, b) => a - b);
  return { ...recorded, number: port.number, untaggedVlan: port.untaggedVlan, taggedVlans };
}

function makeResource(
  kind: string,
  name: string,
  properties: Readonly<Record<string, Json>>,
  needs: readonly string[],
): Resource {
  return { id: resourceId(kind, name), provider: PROVIDER, kind, properties, needs, affects: [] };
}
