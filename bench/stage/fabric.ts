/** A real fabric process, told over its control socket what `up` would tell it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectFabric, type FabricClient } from '../../src/clients/fabric/client.js';
import type { FabricNetwork, FabricOperation, FabricPort } from '../../src/fabric/control/protocol.js';
import { startProcess, waitUntil } from './processes.js';
import type { Scope } from './scope.js';

const PROGRAM = fileURLToPath(new URL('../../dist/fabric/main.js', import.meta.url));

/** The network of all benchmarks: 10.99.0.0/16; the gateway is the last machine. */
export const GATEWAY_ADDRESS = '10.99.255.254';
export const PREFIX_LENGTH = 16;

export function addressOf(index: number): string {
  return `10.99.${index >> 8}.${index & 0xff}`;
}

export function macOf(index: number): string {
  const tail = [index >> 8, index & 0xff].map((byte) => byte.toString(16).padStart(2, '0'));
  return `52:54:00:00:${tail.join(':')}`;
}

export interface RunningFabric {
  readonly pid: number;
  readonly client: FabricClient;
  /** The socket on which machine `index` is to listen. */
  socketPath(index: number): string;
  apply(...operations: readonly FabricOperation[]): Promise<void>;
  /** Waits until every port has its machine. */
  connected(): Promise<void>;
  /** Memory resident now, as the fabric tells it. */
  residentBytes(): Promise<number>;
}

/**
 * Starts a fabric that knows nothing yet. With BENCH_PROFILE=DIR in the environment it leaves a CPU profile there.
 * @param directory a short one: it holds unix sockets.
 */
export async function startFabric(scope: Scope, directory: string): Promise<RunningFabric> {
  const runDir = join(directory, 'fabric');
  const stateDir = join(directory, 'state');
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const places = ['--project', 'bench', '--run-dir', runDir, '--state-dir', stateDir];
  const running = startProcess(scope, [process.execPath, ...profiling(), PROGRAM, ...places]);
  const controlPath = join(runDir, 'fabric.sock');
  let client: FabricClient | undefined;
  await waitUntil(scope, 'fabric', async () => {
    if (running.ended() !== undefined) throw new Error(`the fabric ended: ${running.output()}`);
    client = await connectFabric(controlPath, scope.signal).catch(() => undefined);
    return client !== undefined;
  });
  if (client === undefined) throw new Error('no fabric');
  const fabric = client;
  scope.defer(() => fabric.close());
  return {
    pid: running.pid,
    client: fabric,
    socketPath: (index) => join(directory, `m${index}.sock`),
    async apply(...operations) {
      await fabric.call('apply', { operations });
    },
    async connected() {
      await waitUntil(scope, 'connected ports', async () => {
        const { ports } = await fabric.call('status', {});
        return ports.every((port) => port.connected);
      });
    },
    async residentBytes() {
      return (await fabric.call('status', {})).residentBytes;
    },
  };
}

export interface NetworkOptions {
  readonly mode: FabricNetwork['mode'];
  readonly mtuBytes: number;
  readonly dhcp?: boolean;
}

function profiling(): string[] {
  const directory = process.env['BENCH_PROFILE'];
  return directory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${directory}`];
}

/** The one network; its gateway leads to the host's loopback. */
export function putNetwork({ mode, mtuBytes, dhcp = false }: NetworkOptions): FabricOperation {
  const range = { rangeFirst: '10.99.128.1', rangeLast: '10.99.191.254', leaseSeconds: 3600 };
  const value: FabricNetwork = {
    name: 'bench',
    mode,
    mtuBytes,
    gatewayMac: '52:54:00:ff:ff:fe',
    hostLoopback: true,
    ipv4: { address: '10.99.0.0', prefixLength: PREFIX_LENGTH, gateway: GATEWAY_ADDRESS },
    ...(dhcp && { dhcp: range }),
  };
  return { put: 'network', value };
}

/** Machine `index`, with anti-spoofing on, as users have it. */
export function putPort(index: number, socketPath: string): FabricOperation {
  return { put: 'port', value: { ...machine(index), socketPath } };
}

/** Machine `index` shares its memory. */
export function putVhostUser(index: number, socketPath: string): FabricOperation {
  return { put: 'port', value: { ...machine(index), socketPath, protocol: 'vhost-user' } };
}

/** Machine `index` is a namespace, with a tap of the fabric in it. */
export function putTap(index: number, namespace: string): FabricOperation {
  const tap = { interfaceName: 'tap0', namespacePath: `/run/netns/${namespace}` };
  return { put: 'port', value: { ...machine(index), tap } };
}

function machine(index: number): FabricPort {
  return {
    id: `m${index}/0`,
    network: 'bench',
    machine: `m${index}`,
    mac: macOf(index),
    ipv4: addressOf(index),
    antiSpoofing: true,
  };
}
