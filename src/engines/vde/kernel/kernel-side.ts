/**
 * The kernel as the gateway of VDE networks, where there is root: a tap for each, plugged into the switch, and the
 * gateway that all engines of the kernel share. Nothing of it is looked at before it was first asked for.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from '../../../clients/command/run.js';
import { readAddresses, readLinks } from '../../../clients/iproute/links.js';
import { readJsonFile, writeJsonFile } from '../../../plan/json-file.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import type { Network, Topology } from '../../../topology/topology.js';
import type { Problem } from '../../../errors.js';
import type { EngineContext, LeaseRecord } from '../../contract.js';
import { desireGateway } from '../../kernel-gateway/desire.js';
import { KernelGateway } from '../../kernel-gateway/kernel-gateway.js';
import { carryOut, commandsOf, emptyWork } from '../../kernel-gateway/kernel-work.js';
import { leaseRecords } from '../../kernel-gateway/dhcp/lease-records.js';
import { PROVIDER } from '../resources.js';
import { observedTaps, stageTap, TAP_KIND, tapId, tapOf, tapResource } from './tap.js';

export class KernelSide {
  readonly #project: string;
  readonly #run: Run;
  readonly #gateway: KernelGateway;
  /** Of the gateway too; it stands while there is anything of it. */
  readonly #directory: string;
  readonly #intents: string;

  constructor(context: EngineContext, run: Run) {
    this.#project = context.project;
    this.#run = run;
    this.#gateway = new KernelGateway(context, PROVIDER, run);
    this.#directory = join(context.places.runDir, PROVIDER);
    this.#intents = join(this.#directory, 'taps.json');
  }

  desire(topology: Topology, networks: readonly Network[]): Resource[] {
    return [
      ...networks.map(tapResource),
      ...desireGateway({
        project: this.#project,
        provider: PROVIDER,
        topology,
        networks,
        segmentId: tapId,
        isolatedServer: ({ name }) => {
          throw new Error(`${name} is isolated and has no gateway on the host`);
        },
      }),
    ];
  }

  /** What stands in the way of these networks' gateways. */
  problems(networks: readonly Network[], topology: Topology, signal: AbortSignal): Promise<Problem[]> {
    return this.#gateway.problems(networks, topology, signal);
  }

  async observe(signal: AbortSignal): Promise<Resource[]> {
    if (!existsSync(this.#directory)) return [];
    const [links, addresses, intended] = await Promise.all([
      readLinks(this.#run, signal),
      readAddresses(this.#run, signal),
      readJsonFile(this.#intents),
    ]);
    const names = new Set(links.map(({ ifname }) => ifname));
    const intents = new Map(intended as [string, string][] | undefined);
    return [
      ...observedTaps(this.#project, links, intents),
      ...(await this.#gateway.observe(addresses, names, signal)),
    ];
  }

  /** Before the switches change: servers end before what they stand on goes. */
  async retire(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    if (changes.length > 0) await this.#gateway.retire(changes, signal);
  }

  /** Taps, addresses and rules, before the cables that lead to them. */
  async carryOut(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    if (changes.length === 0) return;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const work = emptyWork();
    const knowsForceForwarding = await this.#gateway.knowsForceForwarding(signal);
    for (const change of withoutContained(changes)) {
      stageTap(this.#project, change, work);
      this.#gateway.stage(change, work, knowsForceForwarding);
    }
    // A tap gets its mark one moment after it is made: a kill in that moment must not hide it.
    await writeJsonFile(this.#intents, comingTaps(changes));
    await carryOut(this.#run, work, { directory: this.#directory, signal });
    await rm(this.#intents, { force: true });
  }

  /** After the cables. */
  async serve(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    if (changes.length === 0) return;
    await this.#gateway.serve(changes, signal);
    await rmdir(join(this.#directory, 'dnsmasq')).catch(() => undefined);
    await rmdir(this.#directory).catch(() => undefined);
  }

  async leases(signal: AbortSignal): Promise<LeaseRecord[]> {
    if (!existsSync(this.#directory)) return [];
    return leaseRecords(await this.observe(signal), await this.#gateway.leases());
  }

  async notes(signal: AbortSignal): Promise<string[]> {
    if (!existsSync(this.#directory)) return [];
    return ['the gateway of nat and routed networks is the kernel', ...(await this.#gateway.notes(signal))];
  }

  commandsFor(change: Change): string[] {
    const work = emptyWork();
    stageTap(this.#project, change, work);
    const own = commandsOf(work);
    return own.length > 0 ? own : this.#gateway.commandsFor(change);
  }
}

/** What is in a table that goes, goes with it. */
function withoutContained(changes: readonly Change[]): Change[] {
  const gone = new Set(changes.flatMap((change) => (change.action === 'delete' ? [change.before.id] : [])));
  const isInside = ({ properties, needs }: Resource): boolean =>
    'elements' in properties && needs.some((id) => gone.has(id) && id.includes('/nft-table/'));
  return changes.filter((change) => change.action !== 'delete' || !isInside(change.before));
}

/** Device -> network, of the taps that are about to be made. */
function comingTaps(changes: readonly Change[]): [string, string][] {
  return changes.flatMap((change): [string, string][] => {
    const subject = subjectOf(change);
    if (subject.kind !== TAP_KIND || change.action === 'delete') return [];
    return [[tapOf(subject).device, subject.id.split('/')[2] ?? '']];
  });
}
