/** What the fabric's status says to a person beyond its ports. Pure. */
import type { FabricStatus } from '../../fabric/control/protocol.js';

type NetworkStatus = FabricStatus['networks'][number];

export function statusNotes({ networks, pid, residentBytes }: FabricStatus): string[] {
  return [
    ...networks
      .filter(({ vdeClients }) => vdeClients > 0)
      .map(({ name, vdeClients }) => `${name}: ${vdeClients} plugged in by VDE`),
    `fabric pid ${pid}, ${Math.round(residentBytes / 1e6)} MB resident`,
    ...networks.flatMap((network) => [
      ...uplinkNotes(network),
      ...tunnelNotes(network),
      ...flowNotes(network),
      ...dropNotes(network),
    ]),
  ];
}

function uplinkNotes({ name, uplink }: NetworkStatus): string[] {
  if (uplink === undefined) return [];
  const { connected, rxFrames, txFrames, drops } = uplink;
  const state = connected ? '' : ' (gone: run `passerelle down`, then `up`)';
  const dropped = Object.keys(drops).length === 0 ? '' : `, ${countsText(drops)}`;
  return [`${name}: LAN${state}, ${rxFrames} frames in, ${txFrames} out${dropped}`];
}

function tunnelNotes({ name, tunnels }: NetworkStatus): string[] {
  return tunnels.map(
    ({ peer, rxFrames, txFrames }) => `${name}: VXLAN to ${peer}, ${rxFrames} frames in, ${txFrames} out`,
  );
}

function flowNotes({ name, flows: { tcp, udp, icmp } }: NetworkStatus): string[] {
  return tcp + udp + icmp > 0 ? [`${name}: ${tcp} TCP, ${udp} UDP, ${icmp} ping flows`] : [];
}

function dropNotes({ name, drops }: NetworkStatus): string[] {
  return Object.keys(drops).length > 0 ? [`${name} gateway refused: ${countsText(drops)}`] : [];
}

function countsText(drops: Readonly<Record<string, number>>): string {
  return Object.entries(drops)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(', ');
}
