/**
 * A bridge that the host's own configuration makes (`passerelle export` prints it): it stands under the name of ours,
 * with the uplink in it, before we come. Then it stays the host's: we mark it and plug machines into it, and what we take
 * away in the end is the mark.
 */
import type { Run } from '../../../clients/command/run.js';
import { runBatch } from '../../../clients/iproute/batch.js';
import { type Link, readLinks } from '../../../clients/iproute/links.js';
import type { Problem } from '../../../errors.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import type { Network } from '../../../topology/topology.js';
import { BRIDGE_KIND } from '../bridge.js';
import { formatMark, markOf } from '../marks.js';
import { speaksStp } from '../options.js';
import type { UplinkRecords } from './uplink-records.js';
import { UPLINK_KIND, uplinkOf } from './uplink-resource.js';

/** The NIC in a bridge of the host's that is the network's uplink; undefined when that is not such a bridge. */
export function hostUplinkOf(
  bridge: Link | undefined,
  uplink: string,
  links: Iterable<Link>,
): Link | undefined {
  if (bridge?.kind !== 'bridge') return undefined;
  const ports = [...links].filter(({ master, kind }) => master === bridge.ifname && kind !== 'tun');
  return ports.find(({ ifname }) => uplink === 'default' || ifname === uplink);
}

/** What keeps a bridge of the host's from being the network's; none when it may be. Pure. */
export function hostBridgeProblems(network: Network, bridge: Link): Problem[] {
  const stands = `mtu ${bridge.mtu}, stp ${bridge.info['stp_state'] !== 0}`;
  const wanted = `mtu ${network.mtuBytes}, stp ${speaksStp(network)}`;
  if (stands === wanted) return [];
  return [
    {
      code: 'linux/host-bridge-differs',
      message: `the host's own configuration makes ${bridge.ifname} with ${stands}, and network ${network.name} is ${wanted}`,
      fix: 'let the two agree: `passerelle export` prints what the host needs',
      at: network.source,
    },
  ];
}

export class HostBridges {
  readonly #project: string;
  readonly #directory: string;
  readonly #records: UplinkRecords;
  readonly #run: Run;
  #seen: readonly Link[] = [];

  constructor(project: string, directory: string, records: UplinkRecords, run: Run) {
    this.#project = project;
    this.#directory = directory;
    this.#records = records;
    this.#run = run;
  }

  /** The links of the host as they were last seen: what {@link commandsFor} goes by. */
  see(links: readonly Link[]): void {
    this.#seen = links;
  }

  /** What a person types for a change of a bridge of the host's, or of its uplink; undefined when it is not about one. */
  commandsFor(change: Change): string[] | undefined {
    const subject = subjectOf(change);
    const network = subject.id.split('/')[2] ?? '';
    if (subject.kind === BRIDGE_KIND) {
      const device = this.#seen.find(({ ifname }) => ifname === subject.properties['device']);
      if (device === undefined) return undefined;
      return markOf(this.#project, device.altnames)?.kind === 'bridge' ? undefined : [];
    }
    if (subject.kind !== UPLINK_KIND) return undefined;
    const lines =
      change.action === 'delete'
        ? this.#letGoLines(network, this.#seen)
        : (this.#adoption(network, change.after, this.#seen)?.lines ?? []);
    return lines.length === 0 ? undefined : lines.map((line) => `ip ${line}`);
  }

  /** Carries out what is about bridges of the host's, which is little, and returns the other changes. */
  async settle(changes: readonly Change[], signal: AbortSignal): Promise<Change[]> {
    if (!changes.some((change) => subjectOf(change).kind === UPLINK_KIND)) return [...changes];
    const links = await readLinks(this.#run, signal);
    const settled = new Set<string>();
    for (const change of changes) {
      const { kind, id } = subjectOf(change);
      if (kind !== UPLINK_KIND) continue;
      const network = id.split('/')[2] ?? '';
      const isSettled =
        change.action === 'delete'
          ? await this.#letGo(network, links, signal)
          : await this.#adopt(network, change.after, links, signal);
      if (isSettled) settled.add(network);
    }
    const isSettled = ({ kind, id }: Resource): boolean =>
      (kind === UPLINK_KIND || kind === BRIDGE_KIND) && settled.has(id.split('/')[2] ?? '');
    return changes.filter((change) => !isSettled(subjectOf(change)));
  }

  async #adopt(
    network: string,
    wanted: Resource,
    links: readonly Link[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const adoption = this.#adoption(network, wanted, links);
    if (adoption === undefined) return false;
    const { uplink, probes } = uplinkOf(wanted);
    await this.#records.write(network, { uplink, device: adoption.nic, probes, leased: [] });
    await runBatch(this.#run, adoption.lines, { directory: this.#directory, signal });
    return true;
  }

  async #letGo(network: string, links: readonly Link[], signal: AbortSignal): Promise<boolean> {
    const lines = this.#letGoLines(network, links);
    if (lines.length === 0) return false;
    await runBatch(this.#run, lines, { directory: this.#directory, signal });
    await this.#records.forget(network);
    return true;
  }

  /** The NIC in the bridge that the host has made, and what marks both; undefined when there is no such bridge. */
  #adoption(
    network: string,
    wanted: Resource,
    links: readonly Link[],
  ): { nic: string; lines: string[] } | undefined {
    const { uplink, bridge: device } = uplinkOf(wanted);
    const bridge = links.find(({ ifname }) => ifname === device);
    if (bridge === undefined || markOf(this.#project, bridge.altnames)?.kind === 'bridge') return undefined;
    const nic = hostUplinkOf(bridge, uplink, links);
    if (nic === undefined) return undefined;
    const marks = [
      [nic, formatMark(this.#project, { kind: 'host-uplink', network })],
      [bridge, formatMark(this.#project, { kind: 'host-bridge', network })],
    ] as const;
    const lines = marks
      .filter(([link, mark]) => !link.altnames.includes(mark))
      .map(([link, mark]) => `link property add dev ${link.ifname} altname ${mark}`);
    return { nic: nic.ifname, lines };
  }

  #letGoLines(network: string, links: readonly Link[]): string[] {
    return links.flatMap(({ ifname, altnames }) =>
      (['host-bridge', 'host-uplink'] as const)
        .map((kind) => formatMark(this.#project, { kind, network }))
        .filter((mark) => altnames.includes(mark))
        .map((mark) => `link property del dev ${ifname} altname ${mark}`),
    );
  }
}
