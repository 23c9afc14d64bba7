import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Engine, PacketFate } from '../../../src/engines/contract.js';
import type { Network, Nic } from '../../../src/topology/topology.js';
import type { OvsHost } from './ovs-host.js';

/** A machine that is a namespace, on a network with a gateway here. */
export interface Followed {
  readonly host: OvsHost;
  readonly engine: Engine;
  readonly nic: Nic;
  readonly network: Network;
  readonly namespace: string;
}

/** What is told of the machine's packets while something happens, once the switch and the gateway are known to tell. */
export async function during(
  { host, engine, nic, network, namespace }: Followed,
  happens: () => unknown,
): Promise<PacketFate[]> {
  const stop = new AbortController();
  const fates: PacketFate[] = [];
  const streams = engine.trace?.(nic, network, stop.signal) ?? [];
  const following = streams.map(async (stream) => {
    for await (const fate of stream) fates.push(fate);
  });
  const isTold = (protocol: string): boolean => fates.some(({ packet }) => packet.protocol === protocol);
  for (let tries = 0; !isTold('arp') || !isTold('icmp'); tries++) {
    expect(tries, 'nothing is told').toBeLessThan(20);
    await host.type(`ip -n ${namespace} neigh flush all
      ip netns exec ${namespace} ping -c 1 -W 1 ${network.ipv4?.gateway}`);
    await sleep(100);
  }
  await happens();
  await sleep(700);
  stop.abort();
  await Promise.all(following);
  expect(await host.run('nft', 'list', 'tables')).not.toContain('.trace');
  return fates;
}
