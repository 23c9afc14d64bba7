/** What the host answers for, as resources and as a person types it. Pure; what is done for them is beside it. */
import { endingWords } from '../../../clients/conntrack/connections.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import type { SourceLocation } from '../../../spec/source-location.js';
import type { Network } from '../../../topology/topology.js';
import { typedUplinkDevices } from '../uplink/uplink-forwarding.js';
import { OUR_PROTOCOL } from '../uplink/uplink-routes.js';

export const ANSWERED_ADDRESS_KIND = 'answered-address';

export interface AnsweredAddress {
  readonly address: string;
  /** `default`: the devices with a default route, as they are now. */
  readonly uplink: string;
  /** The segment's device on the host. */
  readonly device: string;
  /** Address of the NIC that has it, or `forwards`: when that changes, connections of before end. */
  readonly leadsTo: string;
}

export function answeredAddressResource(
  provider: string,
  placed: Pick<AnsweredAddress, 'address' | 'leadsTo'> & {
    readonly network: Network;
    readonly source: SourceLocation;
  },
  needs: readonly string[],
): Resource {
  const { address, leadsTo, network, source } = placed;
  const { uplink = 'default', interfaceName, name } = network;
  const properties: AnsweredAddress = { address, uplink, device: interfaceName, leadsTo };
  return {
    id: `${provider}/${ANSWERED_ADDRESS_KIND}/${address}`,
    provider,
    kind: ANSWERED_ADDRESS_KIND,
    properties: { ...properties },
    needs,
    reason: `the host answers for ${address}, and leads it to ${name}`,
    source,
    affects: [],
  };
}

/** Undefined for one that was seen without its properties: nothing is wanted of it. */
export function answeredAddressOf(resource: Resource): AnsweredAddress | undefined {
  return 'address' in resource.properties ? (resource.properties as unknown as AnsweredAddress) : undefined;
}

/** Known even of one that was seen without its properties. */
export function addressOf({ id }: Resource): string {
  return id.split('/')[2] ?? '';
}

/** What a person types; which devices have a default route the shell finds out. */
export function answeredAddressCommands(change: Change): string[] {
  const address = addressOf(subjectOf(change));
  const before = change.action === 'create' ? undefined : answeredAddressOf(change.before);
  const after = change.action === 'delete' ? undefined : answeredAddressOf(change.after);
  const isElsewhere = before?.uplink !== after?.uplink || before?.device !== after?.device;
  return [
    ...(before && isElsewhere ? ways('del', before) : []),
    ...(after && isElsewhere ? ways('add', after) : []),
    ...endingWords(address).map((words) => `conntrack ${words.join(' ')} || true`),
  ];
}

function ways(verb: 'add' | 'del', { address, uplink, device }: AnsweredAddress): string[] {
  const family = address.includes(':') ? 6 : 4;
  const ip = `ip -${family}`;
  const devices = typedUplinkDevices(uplink, family);
  const lenient = verb === 'del' ? ' 2>/dev/null || true' : '';
  return [
    `${ip} route ${verb === 'add' ? 'replace' : verb} ${address} dev ${device} protocol ${OUR_PROTOCOL}${lenient}`,
    `for device in ${devices}; do ${ip} neigh ${verb} proxy ${address} dev "$device" protocol ${OUR_PROTOCOL}${lenient}; done`,
  ];
}
