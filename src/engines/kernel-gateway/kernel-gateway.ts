/**
 * The gateway that the kernel keeps for the networks of an engine: addresses, forwarding, translation, forwards, DHCP and
 * names. It knows nothing of how frames reach its devices, so that it serves a kernel bridge, a tap of a VDE switch and a
 * port of Open vSwitch alike.
 */
import { join } from 'node:path';
import { lookUnder } from '../../abort-signals.js';
import type { Run } from '../../clients/command/run.js';
import type { DnsmasqLease } from '../../clients/dnsmasq/leases.js';
import { type InterfaceAddress, readAddresses } from '../../clients/iproute/links.js';
import { readRoutes } from '../../clients/iproute/routes.js';
import { listRuleset, listTable, type NftTable } from '../../clients/nft/listing.js';
import { readSettings } from '../../clients/sysctl/sysctl.js';
import type { Problem } from '../../errors.js';
import { type Change, type Resource, subjectOf } from '../../plan/resource.js';
import type { Network, Topology } from '../../topology/topology.js';
import type { EngineContext } from '../contract.js';
import { Admission } from './rules/admission.js';
import {
  asSeenFromHere,
  DEVICE_KIND,
  deviceId,
  FORWARD_KIND,
  gatewayTableId,
  nicsEverywhere,
  POLICY_KIND,
  policyId,
  TABLE_KIND,
} from './desire.js';
import { allEnded } from './all-ended.js';
import { AnsweredAddresses } from './public/answered-addresses.js';
import { placedAddresses, PUBLIC_ADDRESS_KIND } from './public/public-addresses.js';
import { publicAddressProblems } from './public/preflight.js';
import { deviceProperties, deviceSettingNames, observedDevice, stageDevice } from './device.js';
import { dhcpCommands } from './dhcp/dhcp-commands.js';
import { DhcpFiles, nameOf } from './dhcp/dhcp-files.js';
import { DHCP_KINDS } from './dhcp/dhcp-resources.js';
import { DhcpService } from './dhcp/dhcp-service.js';
import { elementComment, elementLines, elementsOf } from './rules/elements.js';
import { gatewayTable } from './rules/gateway-table.js';
import { HoldRegister } from './holds.js';
import { HOST_KINDS, hostCommands } from './host-commands.js';
import type { HostPart } from './host-parts.js';
import { HostSettings } from './host-settings.js';
import { commandsOf, emptyWork, type KernelWork } from './kernel-work.js';
import { routeNotes } from './uplink/route-notes.js';
import { NeighbourProxies } from './uplink/neighbour-proxy.js';
import { segmentDevices, tableResources } from './observed.js';
import { tableLines, tablePhrase } from './rules/ruleset.js';
import { endedNotes } from './trace/ended-notes.js';
import { UplinkRouting } from './uplink/uplink-routing.js';
import { WishFile } from './wish-file.js';

const PROBE_FORCE_FORWARDING = 'net.ipv6.conf.default.force_forwarding';

export class KernelGateway {
  readonly #provider: string;
  readonly #run: Run;
  readonly #project: string;
  readonly #dhcpFiles: DhcpFiles;
  readonly #dhcp: DhcpService;
  readonly #settings: HostSettings;
  readonly #admission: Admission;
  readonly #routing: UplinkRouting;
  readonly #hostParts: readonly HostPart[];
  #forceForwarding: boolean | undefined;

  /** @param run runs programs in the network namespace that is the host. */
  constructor(context: EngineContext, provider: string, run: Run) {
    const { project, places } = context;
    this.#provider = provider;
    this.#project = project;
    this.#run = run;
    this.#dhcpFiles = new DhcpFiles(provider, places);
    this.#dhcp = new DhcpService(provider, this.#dhcpFiles, run);
    const directory = join(places.runDir, provider);
    this.#settings = new HostSettings(
      new WishFile(join(directory, 'host-settings.json')),
      // Beside the projects, since they share the host.
      new HoldRegister(join(places.runDir, '..', '.host-settings'), `${project}.${provider}`, run),
      run,
    );
    this.#routing = new UplinkRouting(
      project,
      directory,
      new WishFile(join(directory, 'ways-out.json')),
      run,
    );
    this.#admission = new Admission(project, provider, new WishFile(join(directory, 'admission.json')), run);
    const proxies = new NeighbourProxies(directory, new WishFile(join(directory, 'proxies.json')), run);
    const answered = new AnsweredAddresses(directory, new WishFile(join(directory, 'answered.json')), run);
    this.#hostParts = [this.#settings, this.#admission, this.#routing, proxies, answered];
  }

  /**
   * What stands. @param addresses of every link of the host.
   * @param existing names of the links that stand.
   */
  async observe(
    addresses: readonly InterfaceAddress[],
    existing: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<Resource[]> {
    const [table, foreign, dhcp] = await Promise.all([
      this.readTable(signal),
      this.#foreignTables(signal),
      this.#dhcp.observe(),
      this.#settings.readAhead(signal),
    ]);
    const [devices, ...ofHost] = await Promise.all([
      this.#observeDevices(table, addresses, existing, signal),
      ...this.#hostParts.map((part) => part.observe(signal, foreign)),
    ]);
    return [...tableResources(this.#provider, table), ...ofHost.flat(), ...devices, ...dhcp];
  }

  /** The table of the gateway; undefined when there is none. */
  readTable(signal: AbortSignal): Promise<NftTable | undefined> {
    return listTable(this.#run, 'inet', this.#table.name, signal);
  }

  /** Adds what the change needs of links, settings and rules to the work. Kinds of others are passed over. */
  stage(change: Change, work: KernelWork, knowsForceForwarding: boolean): void {
    const subject = subjectOf(change);
    switch (subject.kind) {
      case TABLE_KIND:
        if (subject.id === gatewayTableId(this.#provider)) this.#stageTable(change, work);
        return;
      case POLICY_KIND:
      case FORWARD_KIND:
      case PUBLIC_ADDRESS_KIND:
        return this.#stageElements(change, work);
      case DEVICE_KIND:
        // The addresses of a device that goes go with it.
        if (change.action === 'delete') return;
        return stageDevice(
          work,
          change.action === 'create' ? undefined : change.before,
          change.after,
          knowsForceForwarding,
        );
      default:
        return;
    }
  }

  /** Whether the kernel forwards IPv6 by interface (Linux 6.17): found out once. */
  async knowsForceForwarding(signal: AbortSignal): Promise<boolean> {
    this.#forceForwarding ??= (await readSettings(this.#run, [PROBE_FORCE_FORWARDING], signal)).has(
      PROBE_FORCE_FORWARDING,
    );
    return this.#forceForwarding;
  }

  /** Before anything else: servers end before what they stand on goes, and the host keeps its own gateway. */
  async retire(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    await this.#dhcp.retire(changes, signal);
    await this.#settings.prepare(changes, signal);
  }

  /** After links and rules stand. */
  async serve(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    await allEnded([this.#settleHost(changes, signal), this.#dhcp.serve(changes, signal)]);
  }

  /** What stands in the way of networks with a gateway here. Touches nothing. */
  async problems(networks: readonly Network[], topology: Topology, signal: AbortSignal): Promise<Problem[]> {
    const seen = networks.map(asSeenFromHere);
    const gateways = seen.filter(({ mode }) => mode === 'nat' || mode === 'routed');
    const placed = placedAddresses(gateways, nicsEverywhere(topology));
    const problems = await Promise.all([
      this.#routing.problems(seen, signal),
      publicAddressProblems(placed, this.#run, signal),
    ]);
    return problems.flat();
  }

  leases(): Promise<DnsmasqLease[]> {
    return this.#dhcp.leases();
  }

  commandsFor(change: Change): string[] {
    const { kind } = subjectOf(change);
    if (DHCP_KINDS.has(kind)) return dhcpCommands(this.#dhcpFiles, change);
    if (HOST_KINDS.has(kind)) return hostCommands(this.#project, change);
    const work = emptyWork();
    this.stage(change, work, true);
    return commandsOf(work);
  }

  /** Chains of others that drop what no rule of theirs names. */
  async obstacles(signal: AbortSignal): Promise<string[]> {
    return this.#admission.obstacles(await this.#foreignTables(signal));
  }

  /** Lines for the person: routes the LAN needs, accepts that were added, what the engine's rules have ended. */
  async notes(signal: AbortSignal): Promise<string[]> {
    const [table, ruleset, routes, addresses, obstacles] = await Promise.all([
      this.readTable(signal),
      listRuleset(this.#run, signal),
      readRoutes(this.#run, signal),
      readAddresses(this.#run, signal),
      this.obstacles(signal),
    ]);
    return [
      ...(table === undefined ? [] : routeNotes(table, routes, addresses)),
      ...obstacles.map(
        (chain) => `accepts of ours stand at the head of the chain ${chain}, which drops the rest`,
      ),
      ...endedNotes(ruleset.filter(({ name }) => `${name}.`.startsWith(`${this.#table.name}.`))),
    ];
  }

  async #settleHost(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    if (!changes.some((change) => HOST_KINDS.has(subjectOf(change).kind))) return;
    // Of one look: each reads the host, and none changes what another reads.
    const look = lookUnder(signal);
    const [foreign] = await Promise.all([this.#foreignTables(look), readRoutes(this.#run, look)]);
    for (const part of this.#hostParts) await part.apply(changes, look, foreign);
  }

  get #table(): ReturnType<typeof gatewayTable> {
    return gatewayTable(this.#project, this.#provider);
  }

  async #foreignTables(signal: AbortSignal): Promise<NftTable[]> {
    return (await listRuleset(this.#run, signal)).filter(({ name }) => !name.startsWith('passerelle.'));
  }

  async #observeDevices(
    table: NftTable | undefined,
    addresses: readonly InterfaceAddress[],
    existing: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<Resource[]> {
    const devices = segmentDevices(table, existing);
    const names = devices.flatMap(({ device }) => deviceSettingNames(device));
    const settings = await readSettings(this.#run, [...names, PROBE_FORCE_FORWARDING], signal);
    this.#forceForwarding = settings.has(PROBE_FORCE_FORWARDING);
    return devices.map(
      ({ network, device }): Resource => ({
        id: deviceId(this.#provider, network),
        provider: this.#provider,
        kind: DEVICE_KIND,
        properties: deviceProperties(observedDevice(device, addresses, settings)),
        needs: [policyId(this.#provider, network)],
        affects: [],
      }),
    );
  }

  #stageTable(change: Change, work: KernelWork): void {
    if (change.action === 'delete') work.rulesetLines.push(`delete table ${tablePhrase(this.#table)}`);
    else {
      const standing = change.action === 'create' ? undefined : change.before.properties;
      work.rulesetLines.push(...tableLines(this.#table, standing));
    }
  }

  #stageElements(change: Change, work: KernelWork): void {
    const before = change.action === 'create' ? {} : elementsOf(change.before);
    const after = change.action === 'delete' ? {} : elementsOf(change.after);
    const comment = commentOf(subjectOf(change));
    // What is led to another network is marked anew, where it stays the same too.
    const isMoved = change.action === 'update' && commentOf(change.before) !== comment;
    work.rulesetLines.push(
      ...elementLines(this.#table, comment, before, isMoved ? {} : after),
      ...(isMoved ? elementLines(this.#table, comment, {}, after) : []),
    );
  }
}

function commentOf(resource: Resource): string {
  const { kind } = resource;
  return elementComment({ kind, name: nameOf(resource), serves: servedNetwork(resource) });
}

/** Forwards and public addresses need their network's policy; a policy is its network's own. */
function servedNetwork(resource: Resource): string {
  const policy = resource.needs.find((id) => id.includes(`/${POLICY_KIND}/`));
  return policy?.split('/')[2] ?? nameOf(resource);
}
