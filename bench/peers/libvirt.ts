/** libvirt with state of its own, driven by one virsh session. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess, startProcess, waitUntil } from '../stage/processes.js';
import type { Scope } from '../stage/scope.js';

/** Where it keeps what it knows; empty in here, so that no network of the host is started and none is left. */
const STATE_DIRECTORIES = ['/etc/libvirt', '/var/lib/libvirt', '/var/cache/libvirt', '/var/log/libvirt'];
/** Its network driver alone. */
const URI = 'network:///system';
const SESSION_TIMEOUT_MS = 120_000;

/** Runs commands of virsh in one session. @throws Error when one of them is refused. */
export type Virsh = (commands: readonly string[]) => Promise<string>;

/** Starts libvirtd and waits until it answers. */
export async function startLibvirt(scope: Scope): Promise<Virsh> {
  for (const directory of STATE_DIRECTORIES) {
    await runProcess(scope, ['mkdir', '-p', directory]);
    await runProcess(scope, ['mount', '-t', 'tmpfs', 'tmpfs', directory]);
    scope.defer(async () => {
      await runProcess(scope, ['umount', '--lazy', directory]);
    });
  }
  startProcess(scope, ['libvirtd']);
  const virsh: Virsh = (commands) =>
    runProcess(scope, ['virsh', '-q', '-c', URI, commands.join('; ')], { timeoutMs: SESSION_TIMEOUT_MS });
  await waitUntil(scope, 'answer of libvirtd', () =>
    virsh(['net-list']).then(
      () => true,
      () => false,
    ),
  );
  return virsh;
}

/** The commands that start translated networks with DHCP, whose definitions are written to the directory. */
export async function networkCommands(
  directory: string,
  networks: number,
): Promise<{ create: string[]; destroy: string[] }> {
  const indices = Array.from({ length: networks }, (_, index) => index);
  const path = (index: number): string => join(directory, `n${index}.xml`);
  for (const index of indices) await writeFile(path(index), definition(index));
  return {
    create: indices.map((index) => `net-create ${path(index)}`),
    destroy: indices.map((index) => `net-destroy n${index}`),
  };
}

function definition(index: number): string {
  const subnet = `10.100.${index}`;
  return `<network>
  <name>n${index}</name>
  <forward mode='nat'/>
  <bridge name='vb${index}' stp='off' delay='0'/>
  <ip address='${subnet}.1' netmask='255.255.255.0'>
    <dhcp><range start='${subnet}.2' end='${subnet}.254'/></dhcp>
  </ip>
</network>
`;
}
