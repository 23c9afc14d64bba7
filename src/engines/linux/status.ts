import type { Run } from '../../clients/command/run.js';
import { type FloodTargets, readFloodTargets } from '../../clients/iproute/flood-targets.js';
import { type Link, readLinks, runJson } from '../../clients/iproute/links.js';
import type { EngineStatus, PortStatus } from '../contract.js';
import type { KernelGateway } from '../kernel-gateway/kernel-gateway.js';
import { aliasWords } from './macvtap.js';
import { isBridgeMark, markOf } from './marks.js';
import type { UplinkKeeper } from './uplink/uplink-keeper.js';

/** Counters of every port, and what a person should know of this host. */
export async function readStatus(
  run: Run,
  project: string,
  gateway: KernelGateway,
  uplinks: UplinkKeeper,
  signal: AbortSignal,
): Promise<EngineStatus> {
  const [links, counters, ...notes] = await Promise.all([
    readLinks(run, signal),
    runJson(run, ['ip', '-j', '-s', 'link', 'show'], signal),
    gateway.notes(signal),
    uplinks.notes(signal),
  ]);
  const floodTargets = await readFloodTargets(run, links, signal);
  const statistics = new Map(
    counters.map((raw) => [String(raw['ifname']), (raw['stats64'] ?? {}) as Statistics]),
  );
  const networkByDevice = new Map(
    links.flatMap(({ ifname, altnames }) => {
      const mark = markOf(project, altnames);
      return mark !== undefined && isBridgeMark(mark) ? [[ifname, mark.network] as const] : [];
    }),
  );
  const ports = links.flatMap((link): PortStatus[] => {
    const mark = markOf(project, link.altnames);
    if (mark?.kind !== 'nic') return [];
    const { rx = {}, tx = {} } = statistics.get(link.ifname) ?? {};
    return [
      {
        nic: `${mark.machine}/${mark.index}`,
        network: networkByDevice.get(link.master ?? '') ?? aliasWords(link).network,
        connected: link.operstate === 'UP' || link.flags.includes('LOWER_UP'),
        rxFrames: rx.packets ?? 0,
        rxBytes: rx.bytes ?? 0,
        txFrames: tx.packets ?? 0,
        txBytes: tx.bytes ?? 0,
        drops: { received: rx.dropped ?? 0, sent: tx.dropped ?? 0 },
      },
    ];
  });
  return {
    running: networkByDevice.size > 0,
    ports,
    notes: [
      ...links.flatMap((link) => tunnelNotes(project, link, floodTargets, statistics)),
      ...notes.flat(),
    ],
  };
}

/** Where a network goes on, and what has passed. */
function tunnelNotes(
  project: string,
  { ifname, altnames, info }: Link,
  floodTargets: FloodTargets,
  statistics: ReadonlyMap<string, Statistics>,
): string[] {
  const mark = markOf(project, altnames);
  if (mark?.kind !== 'tunnel') return [];
  const { rx = {}, tx = {} } = statistics.get(ifname) ?? {};
  const peers = (floodTargets.get(ifname) ?? []).join(', ');
  return [
    `${mark.network}: VXLAN ${String(info['id'])} to ${peers}, ${rx.packets ?? 0} frames in, ${tx.packets ?? 0} out`,
  ];
}

/** As `ip -s -j link` says it; `rx` is what the host received, so what the machine sent. */
interface Statistics {
  readonly rx?: { readonly packets?: number; readonly bytes?: number; readonly dropped?: number };
  readonly tx?: { readonly packets?: number; readonly bytes?: number; readonly dropped?: number };
}
