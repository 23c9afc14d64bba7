/**
 * Network namespaces that stand for guests. Benchmarks run in a sandbox of their own (scripts/bench.sh): there the
 * default namespace is private too, and stands for the host.
 */
import { runProcess, startProcess, waitUntil } from './processes.js';
import { nativeProgram } from './native.js';
import { requireSandbox } from './sandbox.js';
import type { Scope } from './scope.js';

export interface Namespace {
  readonly name: string;
  /** The command that runs another one inside. */
  readonly within: (argv: readonly string[]) => string[];
  /** Lines for `ip -batch`. */
  ip(scope: Scope, ...lines: readonly string[]): Promise<void>;
  hasDevice(scope: Scope, device: string): Promise<boolean>;
}

/** A namespace with nothing but lo, and without IPv6 unless asked for: its neighbour discovery would be measured too. */
export async function addNamespace(
  scope: Scope,
  label: string,
  { hasIpv6 = false }: { readonly hasIpv6?: boolean } = {},
): Promise<Namespace> {
  requireSandbox();
  const name = `psl-bench-${label}`;
  await runProcess(scope, ['ip', 'netns', 'add', name]);
  const within = (argv: readonly string[]): string[] => ['ip', 'netns', 'exec', name, ...argv];
  const namespace: Namespace = {
    name,
    within,
    async ip(scope, ...lines) {
      const input = lines.map((line) => `${line}\n`).join('');
      await runProcess(scope, ['ip', '-n', name, '-batch', '-'], { input });
    },
    async hasDevice(scope, device) {
      const links = await runProcess(scope, ['ip', '-n', name, '-brief', 'link']);
      return links.split('\n').some((line) => line.startsWith(`${device} `));
    },
  };
  scope.defer(async () => {
    await runProcess(scope, ['ip', 'netns', 'del', name]);
  });
  await runProcess(
    scope,
    within([
      'sh',
      '-c',
      `echo ${hasIpv6 ? 0 : 1} | tee /proc/sys/net/ipv6/conf/all/disable_ipv6 /proc/sys/net/ipv6/conf/default/disable_ipv6`,
    ]),
  );
  await namespace.ip(scope, 'link set lo up');
  return namespace;
}

export interface TapPlug {
  readonly socketPath: string;
  /** Whether we connect to the socket; otherwise we listen on it, as QEMU does with server=on. */
  readonly dials: boolean;
}

/** Puts a tap into the namespace that is joined to a stream socket in QEMU's framing. */
export async function plugTap(scope: Scope, namespace: Namespace, plug: TapPlug): Promise<void> {
  const program = await nativeProgram(scope, 'tap-stream');
  const role = plug.dials ? ['--dial'] : [];
  startProcess(scope, namespace.within([program, ...role, 'tap0', plug.socketPath]));
  await waitUntil(scope, 'tap0', () => namespace.hasDevice(scope, 'tap0'));
}

export interface Addressing {
  readonly mac?: string;
  readonly mtuBytes: number;
  /** With prefix length. */
  readonly address: string;
  readonly gateway?: string;
}

/** Gives the namespace's tap0 its MAC, MTU, address and default route. */
export async function configureTap(scope: Scope, namespace: Namespace, options: Addressing): Promise<void> {
  const { mac, mtuBytes, address, gateway } = options;
  await namespace.ip(
    scope,
    ...(mac === undefined ? [] : [`link set tap0 address ${mac}`]),
    `link set tap0 mtu ${mtuBytes}`,
    `address replace ${address} dev tap0`,
    'link set tap0 up',
    ...(gateway === undefined ? [] : [`route replace default via ${gateway}`]),
  );
}
