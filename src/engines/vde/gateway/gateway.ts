/** The fabric as the gateway of VDE networks, without root. It reaches each switch by a cable to a patch panel. */
import type { LeaseRecord, EngineContext } from '../../contract.js';
import type { FabricConfiguration, FabricStatus } from '../../../fabric/control/protocol.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import { fabricFiles, type FabricFiles, startFabric, stopFabric, withFabric } from './fabric-process.js';
import {
  FABRIC_ID,
  observedGateways,
  operationsFor,
  operationsThatRestore,
  UNRESPONSIVE,
} from './objects.js';

export class FabricGateway {
  readonly #context: EngineContext;
  readonly #files: FabricFiles;

  constructor(context: EngineContext) {
    this.#context = context;
    this.#files = fabricFiles(context);
  }

  async observe(signal: AbortSignal): Promise<Resource[]> {
    try {
      const found = await withFabric(this.#files, signal, async (fabric) => {
        const configuration = await fabric.call('configuration', {});
        return observedGateways(configuration, (await fabric.call('status', {})).version);
      });
      return found ?? [];
    } catch (error) {
      signal.throwIfAborted();
      if ((error as Error).name !== 'TimeoutError') throw error;
      // It runs and says nothing: seen as a process of another kind, it is replaced and told everything again.
      return observedGateways({ networks: [], ports: [], forwards: [] }, UNRESPONSIVE);
    }
  }

  /** Before the switches change: a gateway that goes, goes first. */
  async retire(changes: readonly Change[]): Promise<void> {
    const ends = changes.some((change) => change.action === 'delete' && change.before.id === FABRIC_ID);
    if (ends) await stopFabric(this.#context);
  }

  /** Once the switches and cables stand. One transaction for all of it. */
  async carryOut(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const ofProcess = changes.find((change) => subjectOf(change).id === FABRIC_ID);
    if (changes.length === 0 || ofProcess?.action === 'delete') return;
    const kept = ofProcess?.action === 'replace' ? await this.#end(ofProcess.before, signal) : undefined;
    const operations = [...(kept ? operationsThatRestore(kept) : []), ...operationsFor(changes)];
    await startFabric(this.#context, signal);
    if (operations.length === 0) return;
    await withFabric(this.#files, signal, (fabric) => fabric.call('apply', { operations }));
  }

  async leases(signal: AbortSignal): Promise<LeaseRecord[]> {
    const found = await withFabric(this.#files, signal, async (fabric) => {
      const { networks } = await fabric.call('configuration', {});
      const stations = networks.flatMap((network) => network.stations ?? []);
      const machineByMac = new Map(stations.map(({ mac, machine }) => [mac, machine]));
      return (await fabric.call('leases', {})).map((lease): LeaseRecord => {
        const machine = machineByMac.get(lease.mac);
        return { ...lease, ...(machine !== undefined && { machine }) };
      });
    });
    return found ?? [];
  }

  async notes(signal: AbortSignal): Promise<string[]> {
    const status = await withFabric(this.#files, signal, (fabric) => fabric.call('status', {}));
    return status === undefined ? [] : notesOf(status);
  }

  /** Ends the fabric and returns what it kept, for the next one. */
  async #end(before: Resource, signal: AbortSignal): Promise<FabricConfiguration | undefined> {
    const kept =
      before.properties['version'] === UNRESPONSIVE
        ? undefined
        : await withFabric(this.#files, signal, (fabric) => fabric.call('configuration', {}));
    await stopFabric(this.#context);
    return kept;
  }
}

function notesOf(status: FabricStatus): string[] {
  return [
    `gateway pid ${status.pid}, ${Math.round(status.residentBytes / 1e6)} MB resident`,
    ...status.networks.flatMap(({ name, flows: { tcp, udp, icmp }, drops }) => {
      const refused = Object.entries(drops).map(([reason, count]) => `${reason} ${count}`);
      const flows = tcp + udp + icmp > 0 ? [`${name}: ${tcp} TCP, ${udp} UDP, ${icmp} ping flows`] : [];
      return refused.length > 0 ? [...flows, `${name} gateway refused: ${refused.join(', ')}`] : flows;
    }),
  ];
}
