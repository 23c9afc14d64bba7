import { timeLimited } from '../abort-signals.js';
import { setMaxListeners } from 'node:events';
import { rmdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { QmpClient } from '../clients/qmp/client.js';
import { PasserelleError } from '../errors.js';
import type { Places } from '../places.js';
import type { ResourceProvider } from '../plan/provider.js';
import { type Change, type Impact, type Resource, subjectOf } from '../plan/resource.js';
import { isQemu } from './command-line.js';
import { descriptionOf, KIND, PROVIDER, propertiesOf, resourceId } from './description.js';
import { canPlug, nicChanges, plugNic, unplugNic } from './hotplug.js';
import {
  knownMachines,
  liveProcesses,
  type MachineFiles,
  machineFiles,
  readRecord,
  removeRunFiles,
  writeRecord,
} from './run-files.js';
import { shellCommands } from './shell-commands.js';
import { startMachine } from './start.js';
import { DEFAULT_STOP_LIMITS, type StopLimits, stopMachine } from './stop.js';

export interface MachineProviderOptions {
  readonly places: Places;
  /** What machines inherit, PATH among it. */
  readonly environment: NodeJS.ProcessEnv;
  readonly stopLimits?: Partial<StopLimits>;
}

export interface MachineProcess {
  readonly name: string;
  readonly pid: number;
}

/**
 * Keeps the project's machines as processes that outlive the command. A machine is there when the very process that was
 * started for it lives; nothing is kept running: one that ends is started by the next `up`.
 */
export class MachineProvider implements ResourceProvider {
  readonly name = PROVIDER;
  private readonly places: Places;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly stopLimits: StopLimits;

  constructor(options: MachineProviderOptions) {
    this.places = options.places;
    this.environment = options.environment;
    this.stopLimits = { ...DEFAULT_STOP_LIMITS, ...options.stopLimits };
  }

  async observe(signal: AbortSignal): Promise<Resource[]> {
    signal.throwIfAborted();
    const machines = await knownMachines(this.places);
    const live = await liveProcesses(machines);
    return Promise.all(machines.filter((files) => live.has(files.name)).map(observed));
  }

  /** The machines that run, with their processes. */
  async running(): Promise<MachineProcess[]> {
    const live = await liveProcesses(await knownMachines(this.places));
    return [...live].map(([name, { pid }]) => ({ name, pid })).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Removes what machines that ended by themselves left in the run directory. */
  async sweep(): Promise<void> {
    const machines = await knownMachines(this.places);
    const live = await liveProcesses(machines);
    await Promise.all(machines.filter((files) => !live.has(files.name)).map(removeRunFiles));
    // Gone when empty.
    await rmdir(join(this.places.runDir, 'machines')).catch(() => undefined);
  }

  /** Machines do not know each other: all at once, each one's changes in order. Tells all that failed. */
  async execute(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    // As many wait under it as there are machines: that is no leak.
    setMaxListeners(0, signal);
    const byMachine = new Map<string, Change[]>();
    for (const change of changes) {
      const { id } = subjectOf(change);
      byMachine.set(id, [...(byMachine.get(id) ?? []), change]);
    }
    const queue = [...byMachine.values()];
    const failures: unknown[] = [];
    const work = async (): Promise<void> => {
      for (let own = queue.shift(); own !== undefined; own = queue.shift()) {
        try {
          for (const change of own) await this.carryOut(change, signal);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    // Starting is work for the processor, stopping is waiting.
    const isStopping = changes.every((change) => change.action === 'delete');
    const parallel = isStopping ? 64 : Math.max(4, cpus().length * 2);
    await Promise.all(Array.from({ length: Math.min(parallel, queue.length) }, work));
    signal.throwIfAborted();
    const defect = failures.find((failure) => !(failure instanceof PasserelleError));
    if (defect !== undefined) throw defect;
    const problems = failures.flatMap((failure) => (failure as PasserelleError).problems);
    if (problems.length > 0) throw new PasserelleError(problems, 1, { cause: failures[0] });
  }

  updatesInPlace(before: Resource, after: Resource): boolean {
    return canPlug(descriptionOf(before), descriptionOf(after));
  }

  impactOf(change: Change): Impact {
    switch (change.action) {
      case 'create':
        return 'none';
      case 'update':
        return 're-plug';
      case 'replace':
        return 'restart';
      case 'delete':
        return 'stop';
    }
  }

  commandsFor(change: Change): readonly string[] {
    return shellCommands(change, machineFiles(this.places, descriptionOf(subjectOf(change)).name));
  }

  private async carryOut(change: Change, signal: AbortSignal): Promise<void> {
    const files = machineFiles(this.places, descriptionOf(subjectOf(change)).name);
    switch (change.action) {
      case 'create':
        return this.start(files, change.after, signal);
      case 'update':
        return this.replug(files, change.before, change.after, signal);
      case 'replace':
        await this.stop(files, change.before, signal);
        return this.start(files, change.after, signal);
      case 'delete':
        return this.stop(files, change.before, signal);
    }
  }

  private start(files: MachineFiles, resource: Resource, signal: AbortSignal): Promise<void> {
    const { properties, needs } = resource;
    return startMachine(files, descriptionOf(resource), { properties, needs }, this.environment, signal);
  }

  private async stop(files: MachineFiles, resource: Resource, signal: AbortSignal): Promise<void> {
    const process = (await liveProcesses([files])).get(files.name);
    if (process === undefined) return removeRunFiles(files);
    const speaksQmp = isQemu(descriptionOf(resource).command);
    return stopMachine(files, process, speaksQmp, this.stopLimits, signal);
  }

  /** The record follows each step, so that whatever happens it tells what is plugged. */
  private async replug(
    files: MachineFiles,
    before: Resource,
    after: Resource,
    signal: AbortSignal,
  ): Promise<void> {
    const description = descriptionOf(before);
    const { removed, added } = nicChanges(description.nics, descriptionOf(after).nics);
    const client = await QmpClient.connect(files.qmpSocket, timeLimited(signal, 5000));
    try {
      let { nics } = description;
      for (const nic of removed) {
        await unplugNic(client, nic, signal);
        nics = nics.filter((plugged) => plugged !== nic);
        await writeRecord(files, { properties: propertiesOf({ ...description, nics }), needs: before.needs });
      }
      for (const nic of added) {
        await plugNic(client, nic, signal);
        nics = [...nics, nic];
        await writeRecord(files, { properties: propertiesOf({ ...description, nics }), needs: after.needs });
      }
      // The same NICs, in the order that is wanted.
      await writeRecord(files, { properties: after.properties, needs: after.needs });
    } finally {
      client.close();
    }
  }
}

async function observed(files: MachineFiles): Promise<Resource> {
  const { properties, needs } = await readRecord(files);
  return {
    id: resourceId(files.name),
    provider: PROVIDER,
    kind: KIND,
    properties,
    needs,
    affects: [files.name],
  };
}
