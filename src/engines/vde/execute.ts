/**
 * Changes carried out on running switches, each network by itself and all networks side by side. The record of a network
 * is written before a port is made and after it is gone, so that a kill in between leaves nothing unknown.
 */
import { mkdir, rm, rmdir } from 'node:fs/promises';
import type { Run } from '../../clients/command/run.js';
import type { SwitchControl } from '../../clients/vde/switch-control.js';
import { PasserelleError } from '../../errors.js';
import type { Places } from '../../places.js';
import { type Change, type Resource, subjectOf } from '../../plan/resource.js';
import { type Cable, startCable, stopCable } from './cable-process.js';
import type { FabricGateway } from './gateway/gateway.js';
import type { KernelSide } from './kernel/kernel-side.js';
import { changesOf } from './parts.js';
import { cableMark } from './marks.js';
import {
  cableLog,
  cablePidFile,
  controlDirectory,
  networkFiles,
  type NetworkFiles,
  switchesDirectory,
} from './network-files.js';
import { applyMembership, makePort, pruneVlans, removePort } from './port-commands.js';
import { type NetworkRecord, readRecord, withEntry, withoutEntry, writeRecord } from './record.js';
import {
  cableName,
  cableOf,
  hasCable,
  networkOf,
  portOf,
  PROVIDER,
  SWITCH_KIND,
  switchOf,
} from './resources.js';
import { startSwitch, stopSwitch, withSwitch } from './switch-process.js';

export interface Surroundings {
  readonly project: string;
  readonly places: Places;
  readonly run: Run;
  /** Named network namespace that is taken for the host; undefined: the one this process is in. */
  readonly namespace: string | undefined;
  readonly fabric: FabricGateway;
  /** Undefined without root. */
  readonly kernel: KernelSide | undefined;
}

export async function executeVde(
  surroundings: Surroundings,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<void> {
  const { fabric, kernel } = surroundings;
  const [ofSwitches, ofFabric, ofKernel] = [
    changesOf('switches', changes),
    changesOf('fabric', changes),
    changesOf('kernel', changes),
  ];
  await fabric.retire(ofFabric);
  await kernel?.retire(ofKernel, signal);
  const executions = executionsOf(surroundings, ofSwitches);
  // All switches before the first cable, which may lead from one to another; and the taps that cables lead to.
  await allSettled(executions.map((execution) => execution.carryOutSwitch(signal)));
  await kernel?.carryOut(ofKernel, signal);
  await allSettled(executions.map((execution) => execution.carryOutPorts(signal)));
  await rmdir(switchesDirectory(surroundings.places)).catch(() => undefined);
  await kernel?.serve(ofKernel, signal);
  await fabric.carryOut(ofFabric, signal);
}

function executionsOf(surroundings: Surroundings, changes: readonly Change[]): NetworkExecution[] {
  const byNetwork = new Map<string, Change[]>();
  for (const change of changes) {
    const network = networkOf(subjectOf(change));
    byNetwork.set(network, [...(byNetwork.get(network) ?? []), change]);
  }
  return [...byNetwork].map(
    ([network, own]) => new NetworkExecution(surroundings, networkFiles(surroundings.places, network), own),
  );
}

/** Waits for all of them, so that nothing goes on behind an error. @throws the first. */
async function allSettled(tasks: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(tasks);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

class NetworkExecution {
  readonly #surroundings: Surroundings;
  readonly #files: NetworkFiles;
  readonly #ofSwitch: Change | undefined;
  readonly #ofPorts: Change[];

  constructor(surroundings: Surroundings, files: NetworkFiles, changes: readonly Change[]) {
    this.#surroundings = surroundings;
    this.#files = files;
    this.#ofSwitch = changes.find((change) => subjectOf(change).kind === SWITCH_KIND);
    this.#ofPorts = changes.filter((change) => change !== this.#ofSwitch);
  }

  async carryOutSwitch(signal: AbortSignal): Promise<void> {
    const change = this.#ofSwitch;
    if (change === undefined) return;
    if (change.action === 'delete') return this.#remove();
    if (change.action !== 'update') {
      this.#ofPorts.push(...(await this.#lostWith(change)));
      await this.#start(change.after, signal);
    }
    await withSwitch(this.#files, signal, (control) => this.#setSwitch(control, change.after));
  }

  async carryOutPorts(signal: AbortSignal): Promise<void> {
    // What stood on a switch that is gone is gone with it.
    if (this.#ofSwitch?.action === 'delete' || this.#ofPorts.length === 0) return;
    await withSwitch(this.#files, signal, async (control) => {
      for (const change of this.#ofPorts) await this.#carryOutPort(control, change, signal);
      await pruneVlans(control);
    });
  }

  /** What stands on a switch that is replaced while it runs, and nobody speaks of: it has to be made again. */
  async #lostWith(started: Change): Promise<Change[]> {
    if (started.action !== 'replace' || switchOf(started.before).state !== 'running') return [];
    const spokenOf = new Set(this.#ofPorts.map((change) => subjectOf(change).id));
    const { entries } = await readRecord(this.#files);
    return [...entries]
      .filter(([id]) => !spokenOf.has(id))
      .map(([id, { kind, properties }]) => {
        const needs = [started.after.id];
        return { action: 'create', after: { id, provider: PROVIDER, kind, properties, needs, affects: [] } };
      });
  }

  /** Everything of the network: its cables, its switch, its files. */
  async #remove(): Promise<void> {
    await this.#stopCables();
    await stopSwitch(this.#files);
    await rm(this.#files.directory, { recursive: true, force: true });
  }

  async #start(resource: Resource, signal: AbortSignal): Promise<void> {
    const { incarnation, portCount } = switchOf(resource);
    const { incarnation: last } = await readRecord(this.#files);
    if (incarnation <= last) await this.#refuseTheName(last);
    await mkdir(this.#files.directory, { recursive: true, mode: 0o700 });
    await this.#stopCables();
    // What stood on the last one is gone with it.
    await writeRecord(this.#files, { incarnation, entries: new Map() });
    await startSwitch(this.#surroundings.run, this.#files, { incarnation, portCount }, signal);
  }

  /** The machines would be taken for plugged in: they name a switch that ended after the plan was made. */
  async #refuseTheName(last: number): Promise<never> {
    await stopSwitch(this.#files);
    throw new PasserelleError({
      code: 'vde/switch-ended-meanwhile',
      message: `switch ${last} of network ${this.#files.network} ended, or hangs, since the plan was made`,
      fix: 'run `passerelle up` again',
    });
  }

  async #stopCables(): Promise<void> {
    const { entries } = await readRecord(this.#files);
    const cables = [...entries].flatMap(([id, entry]) => (hasCable(entry) ? [id] : []));
    await Promise.all(
      cables.map((id) => stopCable({ pidFile: cablePidFile(this.#files, cableName({ id })) })),
    );
  }

  async #setSwitch(control: SwitchControl, resource: Resource): Promise<void> {
    const wanted = switchOf(resource);
    const settings = await control.settings();
    if (settings.portCount !== wanted.portCount) await control.setPortCount(wanted.portCount);
    if (settings.isHub !== wanted.isHub) await control.setHub(wanted.isHub);
    if (settings.speaksFstp !== wanted.speaksFstp) await control.setFstp(wanted.speaksFstp);
  }

  async #carryOutPort(control: SwitchControl, change: Change, signal: AbortSignal): Promise<void> {
    switch (change.action) {
      case 'create':
        return this.#make(control, change.after, signal);
      case 'update':
        await this.#remember((record) => withEntry(record, change.after));
        return applyMembership(control, portOf(change.after));
      case 'replace':
        await this.#unmake(control, change.before);
        return this.#make(control, change.after, signal);
      case 'delete':
        return this.#unmake(control, change.before);
    }
  }

  async #make(control: SwitchControl, resource: Resource, signal: AbortSignal): Promise<void> {
    await this.#remember((record) => withEntry(record, resource));
    await makePort(control, portOf(resource), !hasCable(resource));
    if (!hasCable(resource)) return;
    const { incarnation } = await readRecord(this.#files);
    const { namespace } = this.#surroundings;
    await startCable(cableFor(this.#surroundings, resource, incarnation), control, namespace, signal);
  }

  async #unmake(control: SwitchControl, resource: Resource): Promise<void> {
    if (hasCable(resource)) {
      await stopCable({ pidFile: cablePidFile(this.#files, cableName(resource)) });
    }
    await removePort(control, portOf(resource).number);
    await this.#remember((record) => withoutEntry(record, resource.id));
  }

  async #remember(change: (record: NetworkRecord) => NetworkRecord): Promise<void> {
    await writeRecord(this.#files, change(await readRecord(this.#files)));
  }
}

export function cableFor(
  { project, places }: Pick<Surroundings, 'project' | 'places'>,
  resource: Resource,
  incarnation: number,
): Cable {
  const network = networkOf(resource);
  const name = cableName(resource);
  const files = networkFiles(places, network);
  const { number, end } = cableOf(resource);
  return {
    name,
    number,
    end,
    description: cableMark(project, network, name),
    controlDirectory: controlDirectory(files, incarnation),
    pidFile: cablePidFile(files, name),
    log: cableLog(places, network, name),
  };
}
