/**
 * The user-mode NATs beside ours. Each gives the namespace a tap0 behind which `hostAddress` leads to 127.0.0.1 of the
 * host, which is the sandbox.
 */
import { join } from 'node:path';
import { configureTap, type Namespace, plugTap } from '../stage/namespaces.js';
import { runProcess, startProcess, waitForOutput, waitUntil } from '../stage/processes.js';
import type { Scope } from '../stage/scope.js';
import { LIBSLIRP, startLibslirp } from './qemu.js';

export interface Outlet {
  /** From inside: the host's 127.0.0.1. */
  readonly hostAddress: string;
}

/** Brings the namespace to the host. `directory` is empty and holds its sockets. */
export type OpenOutlet = (
  scope: Scope,
  directory: string,
  namespace: Namespace,
  mtuBytes: number,
) => Promise<Outlet>;

/** libslirp in QEMU, through the same helper as ours. */
export const openLibslirp: OpenOutlet = async (scope, directory, namespace, mtuBytes) => {
  const socketPath = join(directory, 'slirp.sock');
  await plugTap(scope, namespace, { socketPath, dials: false });
  const { guestAddress, gateway } = LIBSLIRP;
  await configureTap(scope, namespace, { mtuBytes, address: guestAddress, gateway });
  startLibslirp(scope, socketPath);
  return { hostAddress: gateway };
};

/** libslirp again, with the tap in its own hands. */
export const openSlirp4netns: OpenOutlet = async (scope, _directory, namespace, mtuBytes) => {
  const place = ['--netns-type=path', `/run/netns/${namespace.name}`, 'tap0'];
  const slirp = startProcess(scope, ['slirp4netns', '--configure', `--mtu=${mtuBytes}`, ...place]);
  await waitForOutput(scope, slirp, 'received tapfd');
  await addressed(scope, namespace);
  return { hostAddress: '10.0.2.2' };
};

/** What passt takes for the host's uplink, to derive the guest's addresses from. Nothing ever passes it. */
const UPLINK = { device: 'up0', address: '192.0.2.2/24', gateway: '192.0.2.1' } as const;

/** passt, for whatever connects to its socket. */
export async function startPasst(
  scope: Scope,
  directory: string,
  mtuBytes: number,
): Promise<Outlet & { readonly socketPath: string }> {
  await addUplink(scope);
  const socketPath = join(directory, 'passt.sock');
  const passt = startProcess(scope, ['passt', ...PASST, '-s', socketPath, '-m', String(mtuBytes)]);
  await waitForOutput(scope, passt, 'start qemu');
  return { hostAddress: UPLINK.gateway, socketPath };
}

/** passt, for a guest behind a stream socket: through the same helper as ours. */
export const openPasst: OpenOutlet = async (scope, directory, namespace, mtuBytes) => {
  const passt = await startPasst(scope, directory, mtuBytes);
  await plugTap(scope, namespace, { socketPath: passt.socketPath, dials: true });
  const { address, gateway } = UPLINK;
  await configureTap(scope, namespace, { mtuBytes, address, gateway });
  return passt;
};

/** passt again, with the tap in its own hands. */
export const openPasta: OpenOutlet = async (scope, _directory, namespace, mtuBytes) => {
  await addUplink(scope);
  const place = ['-T', 'none', '-U', 'none', '--netns-only', '--netns', `/run/netns/${namespace.name}`];
  startProcess(scope, ['pasta', ...PASST, '--config-net', '-I', 'tap0', '-m', String(mtuBytes), ...place]);
  await addressed(scope, namespace);
  return { hostAddress: UPLINK.gateway };
};

/** In the foreground, as the user it is started by, with no forwards. */
const PASST = ['-f', '-e', '--runas', '0', '-t', 'none', '-u', 'none'];

async function addUplink(scope: Scope): Promise<void> {
  const { device, address, gateway } = UPLINK;
  const lines = [
    `link add ${device} type veth peer ${device}-far`,
    `address add ${address} dev ${device}`,
    `link set ${device} up`,
    `link set ${device}-far up`,
    `route add default via ${gateway}`,
  ];
  await runProcess(scope, ['ip', '-batch', '-'], { input: lines.map((line) => `${line}\n`).join('') });
  scope.defer(async () => {
    await runProcess(scope, ['ip', 'link', 'del', device]);
  });
}

/** Waits until the peer has given tap0 its address and route. */
async function addressed(scope: Scope, namespace: Namespace): Promise<void> {
  await waitUntil(scope, 'default route', async () => {
    const routes = await runProcess(scope, ['ip', '-n', namespace.name, 'route']);
    return /^default .*tap0/m.test(routes);
  });
}
