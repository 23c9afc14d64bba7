/** What stands in the way on this host right now. Touches nothing. */
import type { Run } from '../../clients/command/run.js';
import type { Problem } from '../../errors.js';
import { publicAddressesOf, serviceAddressesOf } from '../../spec/public-addresses.js';
import { locationOfKey } from '../../spec/source-location.js';
import type { Network, Topology } from '../../topology/topology.js';
import { gatewayKindOf } from './gateway-choice.js';
import { hasGateway } from './gateway/objects.js';
import { networkOptions } from './options.js';
import { KERNEL_PROGRAMS, PROGRAMS, type VdeProgram } from './programs.js';
import { backendOf, qemuPrograms } from './qemu-support.js';
import { PROVIDER } from './resources.js';

export async function preflightVde(
  run: Run,
  topology: Topology,
  isRoot: boolean,
  signal: AbortSignal,
): Promise<Problem[]> {
  const networks = topology.networks.filter(({ engine }) => engine === PROVIDER);
  const [first] = networks;
  if (first === undefined) return [];
  const hasCables = networks.some(
    (network) => hasGateway(network) || networkOptions(network).plugs.length > 0,
  );
  const usesKernel = networks.some((network) => gatewayKindOf(network, isRoot) === 'kernel');
  const programs = [
    ...PROGRAMS.filter(({ program }) => program === 'vde_switch' || hasCables),
    ...(usesKernel ? KERNEL_PROGRAMS : []),
  ];
  const [missing, unable] = await Promise.all([
    missingPrograms(run, programs, signal),
    qemusWithoutEither(run, topology, signal),
  ]);
  return [
    ...publicAddressesBehindFabric(topology, networks, isRoot),
    ...missing.map(
      ({ program, packageName }): Problem => ({
        code: 'vde/program-missing',
        message: `network ${first.name} wants ${program}, which is not on this host`,
        fix: `sudo apt-get install ${packageName}`,
        at: first.source,
      }),
    ),
    ...unable.map(
      (program): Problem => ({
        code: 'vde/qemu-without-vde',
        message: `${program} was built without VDE and is older than 7.2, which has -netdev stream, so its machines cannot be plugged into ${first.name}`,
        fix: 'install one that has it (Debian and Ubuntu: qemu-system), or write `engine: user`, which needs nothing',
        at: first.source,
      }),
    ),
  ];
}

/** The fabric's NAT is of sockets, which take ports and no whole address. */
function publicAddressesBehindFabric(
  topology: Topology,
  networks: readonly Network[],
  isRoot: boolean,
): Problem[] {
  const behind = networks.filter((network) => gatewayKindOf(network, isRoot) === 'fabric');
  const names = new Set(behind.map(({ name }) => name));
  const nics = topology.machines.flatMap((machine) => machine.nics);
  const given = [
    ...behind.flatMap((owner) => serviceAddressesOf(owner).map((each) => ({ ...each, owner }))),
    ...nics
      .filter(({ network }) => names.has(network))
      .flatMap((owner) => publicAddressesOf(owner).map((each) => ({ ...each, owner }))),
  ];
  return given.map(({ address, key, owner }) => ({
    code: 'vde/public-address-needs-root',
    message: `${address} is none of the host's, and without root the network leaves by sockets, which take ports of addresses that the host has`,
    fix: 'run it as root; or give the address to the host, and write forwards that listen on it (`listen-address`)',
    at: locationOfKey(owner, key),
  }));
}

async function missingPrograms(
  run: Run,
  programs: readonly VdeProgram[],
  signal: AbortSignal,
): Promise<VdeProgram[]> {
  const found = await Promise.all(
    programs.map(({ program }) =>
      run([program, '--help'], { signal }).then(
        () => true,
        () => false,
      ),
    ),
  );
  signal.throwIfAborted();
  return programs.filter((_, index) => found[index] === false);
}

async function qemusWithoutEither(run: Run, topology: Topology, signal: AbortSignal): Promise<string[]> {
  const programs = qemuPrograms(topology);
  const answers = await Promise.all(programs.map((program) => backendOf(run, program, signal)));
  return programs.filter((_, index) => answers[index] === 'neither');
}
