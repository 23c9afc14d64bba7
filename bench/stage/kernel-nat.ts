/**
 * A machine behind the NAT of the kernel, and an outside host, both namespaces: `outside` is joined to the host by a veth,
 * which is the host's default route. Who makes the network between host and machine is the contender.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addNamespace, type Namespace } from './namespaces.js';
import { ProjectUnderTest } from './project.js';
import { runProcess } from './processes.js';
import type { Scope } from './scope.js';

/** The host as the outside sees it. */
export const HOST_ADDRESS = '192.0.2.1';
export const OUTSIDE_ADDRESS = '192.0.2.2';
export const MACHINE_ADDRESS = '10.10.10.10';
/** Where the machine serves. */
export const MACHINE_PORT = 9090;
/** The first listen port of the forwards; the others follow. */
export const FIRST_FORWARD_PORT = 20_000;

export interface KernelNatStage {
  readonly outside: Namespace;
  readonly machine: Namespace;
}

/** Makes the network, with so many forwards to the machine. `directory` is empty. */
export type OpenKernelNat = (
  scope: Scope,
  directory: string,
  stage: KernelNatStage,
  forwards: number,
  protocol?: 'tcp' | 'udp',
) => Promise<void>;

export async function setStage(scope: Scope): Promise<KernelNatStage> {
  const outside = await addNamespace(scope, 'outside');
  const machine = await addNamespace(scope, 'machine', { hasIpv6: true });
  await runIp(
    scope,
    `link add up0 type veth peer eth0 netns ${outside.name}`,
    `address add ${HOST_ADDRESS}/24 dev up0`,
    'link set up0 up',
    `route add default via ${OUTSIDE_ADDRESS}`,
  );
  // Flows of one run must not be known to the next.
  const timeouts = ['udp_timeout', 'tcp_timeout_syn_sent', 'tcp_timeout_close'];
  const seconds = timeouts.map((name) => `net.netfilter.nf_conntrack_${name}=1`);
  await runProcess(scope, ['sysctl', '-qw', ...seconds]);
  scope.defer(() => runIp(scope, 'link delete up0'));
  await outside.ip(
    scope,
    `address add ${OUTSIDE_ADDRESS}/24 dev eth0`,
    'link set eth0 up',
    // It has every address of the range of RFC 2544, for native/udp-flows.c.
    'route add local 198.18.0.0/15 dev lo',
  );
  return { outside, machine };
}

export async function runIp(scope: Scope, ...lines: readonly string[]): Promise<void> {
  const input = lines.map((line) => `${line}\n`).join('');
  await runProcess(scope, ['ip', '-batch', '-'], { input });
}

/** Ours, from a file. */
export const openLinuxEngine: OpenKernelNat = async (
  scope,
  directory,
  { machine },
  forwards,
  protocol = 'tcp',
) => {
  const file = join(directory, 'passerelle.yaml');
  await writeFile(
    file,
    [
      'project: bench',
      'engine: linux',
      'networks:',
      '  web: { mode: nat, ipv4: 10.10.10.0/24, ipv6: false }',
      'machines:',
      `  m: { nics: [{ network: web, ipv4: ${MACHINE_ADDRESS}, attach: netns, netns: ${machine.name} }] }`,
      ...(forwards > 0 ? ['forwards:', forward(forwards, protocol)] : []),
      '',
    ].join('\n'),
  );
  const project = new ProjectUnderTest(scope, 'bench', file, directory);
  scope.defer(() => project.run('down'));
  await project.run('up');
};

function forward(count: number, protocol: string): string {
  const listen =
    count === 1 ? `${FIRST_FORWARD_PORT}` : `${FIRST_FORWARD_PORT}-${FIRST_FORWARD_PORT + count - 1}`;
  return `  - { listen-port: ${listen}, protocol: ${protocol}, target: m, target-port: ${MACHINE_PORT} }`;
}
