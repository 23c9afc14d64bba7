import type { Problem } from '../errors.js';
import { bondWish } from './bond.js';
import { Draft } from './draft.js';
import { largestMtuBytes } from './largest-mtu.js';
import { dhcpWish, dnsWish, ETHERNET_MTU_BYTES, ipv4Wish, ipv6Wish, vxlanMtuBytes } from './mode-defaults.js';
import { mtuBetween } from './overlay-mtu.js';
import { portgroupOf, withPortgroup } from './portgroups.js';
import type { Path } from './problems/wording.js';
import { networkOptionShape, nicOptionShape, optionsOf } from './schema/engine-options.js';
import type { WrittenFile } from './schema/file.js';
import type { WrittenForward } from './schema/forward.js';
import type { WrittenMachine } from './schema/machine.js';
import type { WrittenNetwork } from './schema/network.js';
import type { WrittenNic } from './schema/nic.js';
import type { KeyLocations, SourceLocation } from './source-location.js';
import type { ForwardSpec, HostSpec, MachineSpec, NetworkSpec, NicSpec } from './spec.js';
import { ANY_IPV4, pairPorts } from './text/forward-text.js';
import type { EngineName, TunnelType } from './vocabulary.js';
import { locateKey, locateValue, type Tree } from './yaml/tree.js';

const DEFAULT_ENGINE: EngineName = 'user';
const DEFAULT_TUNNEL: TunnelType = 'vxlan';
/** QEMU's paravirtual NIC, the fastest that every modern guest knows. */
const DEFAULT_MODEL = 'virtio-net-pci';

/** What a network is told by the rest of the file. */
interface NetworkContext {
  readonly file: WrittenFile;
  readonly engine: EngineName;
  readonly hosts: readonly HostSpec[];
  readonly source: SourceLocation;
  readonly keyLocations: KeyLocations;
}

/** Turns what was written, defaults and short forms and all, into the specification; `engine` is over what the file says. */
export function assemble(
  written: WrittenFile,
  original: Tree,
  tree: Tree,
  dropped: readonly Path[],
  engine?: EngineName,
): { draft: Draft; problems: Problem[] } {
  const problems: Problem[] = [];
  const forwardPaths = new Map<ForwardSpec, Path>();
  const hosts = Object.entries(written.hosts ?? {}).map(
    ([name, host]): HostSpec => ({ name, ...host, source: locateKey(tree, ['hosts', name]) }),
  );
  const networks = Object.entries(written.networks ?? {}).map(([name, network]) =>
    networkSpec(name, network, {
      file: written,
      engine: engine ?? network.engine ?? written.engine ?? DEFAULT_ENGINE,
      hosts,
      source: locateKey(tree, ['networks', name]),
      keyLocations: keyLocations(tree, ['networks', name], network),
    }),
  );
  const machines: MachineSpec[] = [];
  for (const [name, machine] of Object.entries(written.machines ?? {})) {
    const path = ['machines', name];
    machines.push(machineSpec(name, machine, path, hosts, written.networks ?? {}, tree));
    for (const [index, nic] of (machine.nics ?? []).entries()) {
      for (const [place, ports] of (nic.forwards ?? []).entries()) {
        const at: Path = [...path, 'nics', index, 'forwards', place];
        const targets = [{ machine: name, nic: index }];
        forwardPaths.set({ ...ports, targets, source: locateValue(tree, at) }, at);
      }
    }
  }
  for (const [index, forward] of (written.forwards ?? []).entries()) {
    const path: Path = ['forwards', index];
    const spec = forwardSpec(forward, path, tree);
    if ('problem' in spec) problems.push(spec.problem);
    else forwardPaths.set(spec.value, path);
  }
  const spec = { project: written.project, hosts, networks, machines, forwards: [...forwardPaths.keys()] };
  return { draft: new Draft(spec, original, tree, dropped, forwardPaths), problems };
}

function networkSpec(
  name: string,
  written: WrittenNetwork,
  { file, engine, hosts, source, keyLocations }: NetworkContext,
): NetworkSpec {
  const dhcp = dhcpWish(written);
  const dns = dnsWish(written, file.project);
  const gatewayHost = written['gateway-host'] ?? hosts[0]?.name;
  const bond = bondWish(written);
  const isEncrypted = written.ipsec !== undefined;
  const tunnelBytes =
    (written.mode === 'bridge' ? undefined : mtuBetween(hosts, { engine, isEncrypted })) ??
    vxlanMtuBytes(written);
  const mtuBytes =
    written.mtu === 'largest'
      ? largestMtuBytes(name, written, file, tunnelBytes)
      : (written.mtu ?? tunnelBytes ?? ETHERNET_MTU_BYTES);
  const uplink = [written.uplink ?? []].flat()[0] ?? (written.mode === 'bridge' ? 'default' : undefined);
  return {
    name,
    mode: written.mode,
    engine,
    mtuBytes,
    ...(written.mtu === 'largest' && { asksForLargestMtu: true }),
    ipv4: ipv4Wish(written),
    ipv6: ipv6Wish(written),
    ...(dhcp && { dhcp }),
    ...(dns && { dns }),
    hostLoopback: written['host-loopback'] ?? false,
    ...(uplink !== undefined && { uplink }),
    tunnel: written.tunnel ?? DEFAULT_TUNNEL,
    ...(gatewayHost !== undefined && { gatewayHost }),
    options: { ...optionsOf(networkOptionShape, written), ...(bond && { bond }) },
    keyLocations: withBondPlace(keyLocations, bond !== undefined),
    source,
  };
}

/** A list of uplinks alone asks for a bond too. */
function withBondPlace(places: KeyLocations, hasBond: boolean): KeyLocations {
  return hasBond && places['uplink'] !== undefined ? { bond: places['uplink'], ...places } : places;
}

function machineSpec(
  name: string,
  written: WrittenMachine,
  path: Path,
  hosts: readonly HostSpec[],
  networks: NonNullable<WrittenFile['networks']>,
  tree: Tree,
): MachineSpec {
  const host = written.host ?? hosts[0]?.name;
  return {
    name,
    nics: (written.nics ?? []).map((nic, index) => {
      const nicPath = [...path, 'nics', index];
      const group = portgroupOf(nic, networks[nic.network]) ?? {};
      const groupPath = ['networks', nic.network, 'portgroups', nic.portgroup ?? ''];
      return {
        ...nicSpec(name, index, withPortgroup(nic, group), locateValue(tree, nicPath)),
        keyLocations: { ...keyLocations(tree, groupPath, group), ...keyLocations(tree, nicPath, nic) },
      };
    }),
    ...(host !== undefined && { host }),
    ...(written.command && { command: written.command }),
    source: locateKey(tree, path),
  };
}

function nicSpec(machine: string, index: number, written: WrittenNic, source: SourceLocation): NicSpec {
  return {
    machine,
    index,
    network: written.network,
    ...(written.mac !== undefined && { mac: written.mac }),
    model: written.model ?? DEFAULT_MODEL,
    ...(written.ipv4 && { ipv4: written.ipv4 }),
    ...(written.ipv6 && { ipv6: written.ipv6 }),
    antiSpoofing: written['anti-spoofing'] ?? true,
    options: optionsOf(nicOptionShape, written),
    source,
  };
}

function keyLocations(tree: Tree, path: Path, written: object): KeyLocations {
  return Object.fromEntries(
    Object.keys(written).map((key) => [key, locateValue(tree, [...path, key])] as const),
  );
}

function forwardSpec(
  written: WrittenForward,
  path: Path,
  tree: Tree,
): { value: ForwardSpec } | { problem: Problem } {
  const listenPorts = written['listen-port'];
  const pair = pairPorts(listenPorts, written['target-port'] ?? listenPorts);
  if ('fault' in pair) return { problem: { ...pair.fault, at: locateValue(tree, [...path, 'target-port']) } };
  return {
    value: {
      protocol: written.protocol ?? 'tcp',
      listenAddress: written['listen-address'] ?? ANY_IPV4,
      listenPorts,
      ...pair.value,
      targets: [written.target].flat(),
      ...(written.source !== undefined && { shownSource: written.source }),
      source: locateValue(tree, path),
    },
  };
}
