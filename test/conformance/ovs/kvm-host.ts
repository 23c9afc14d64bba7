/**
 * A server of a project with many hosts: an {@link OvsHost} with a host name and named namespaces of its own, on which a
 * person runs `passerelle`. Its underlay NIC `eth0` is in a bridge of the userspace datapath, where that datapath finds
 * the way out of its tunnels.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { OvsHost } from './ovs-host.js';
import { sendWholeChecksums } from '../../lab/offloads.js';

const execute = promisify(execFile);
export const PASSERELLE = fileURLToPath(new URL('../../../bin/passerelle', import.meta.url));
const COMMAND_TIMEOUT_MS = 60_000;

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class KvmHost implements AsyncDisposable {
  private constructor(
    readonly name: string,
    readonly address: string,
    /** The veth's other end, a port of the wire. */
    readonly wirePort: string,
    readonly ovs: OvsHost,
    readonly directory: string,
    /** A process that holds the mounts and the name of this host. */
    private readonly holder: ChildProcess,
  ) {}

  /**
   * @param wire a bridge device in the namespace of `outside`, which stands for the network between the hosts.
   * @param switching false: the host has no Open vSwitch, and its address is on its NIC.
   */
  static async start(
    name: string,
    address: string,
    outside: OvsHost,
    wire: string,
    switching = true,
  ): Promise<KvmHost> {
    const ovs = await OvsHost.start({ switching });
    const wirePort = `w${address.split('.').at(-1)}`;
    await outside.type(
      `ip link add ${wirePort} type veth peer name eth0 netns ${ovs.namespace}; ip link set ${wirePort} master ${wire} up`,
    );
    sendWholeChecksums(ovs.namespace, 'eth0');
    if (switching) await KvmHost.#switchUnderlay(ovs, address);
    else await ovs.type(`ip address add ${address}/24 dev eth0; ip link set eth0 up`);
    const holder = spawn(
      'ip',
      [
        'netns',
        'exec',
        ovs.namespace,
        'unshare',
        '--uts',
        'sh',
        '-c',
        `hostname ${name} && mount -t tmpfs tmpfs /run/netns && echo ready && exec sleep infinity`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(holder.stdout, 'data');
    return new KvmHost(name, address, wirePort, ovs, await mkdtemp(join(tmpdir(), 'psl-kvm-')), holder);
  }

  static async #switchUnderlay(ovs: OvsHost, address: string): Promise<void> {
    await ovs.type(
      'ovs-vsctl add-br phy0 -- set Bridge phy0 datapath_type=netdev -- add-port phy0 eth0; ip link set eth0 up',
    );
    await ovs.type(`ip address add ${address}/24 dev phy0; ip link set phy0 up`);
    // Without the shield of an uplink the stack would hear each frame twice (src/engines/ovs/host/shield.ts).
    await ovs.type(
      'nft add table netdev wire; nft add chain netdev wire in "{ type filter hook ingress device eth0 priority 0; policy drop; }"',
    );
  }

  /** Whether an answer comes to one ping from within a machine of the project. @param more options of ping(8). */
  async pings(project: string, machine: string, to: string, ...more: readonly string[]): Promise<boolean> {
    const { status } = await this.inside(project, machine, 'ping', '-c', '1', '-W', '1', ...more, to);
    return status === 0;
  }

  /** Whether the answer comes within so many seconds, however many askings it takes. */
  async reaches(project: string, machine: string, to: string, seconds: number): Promise<boolean> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
      if (await this.pings(project, machine, to)) return true;
    }
    return false;
  }

  /** Runs a program on this host. Exit statuses are for the caller to judge. */
  async run(program: string, ...argv: readonly string[]): Promise<Outcome> {
    const words = [`--target=${this.holder.pid}`, '--mount', '--net', '--uts', '--', program, ...argv];
    const environment = {
      ...this.ovs.environment,
      XDG_RUNTIME_DIR: join(this.directory, 'run'),
      XDG_STATE_HOME: join(this.directory, 'state'),
      NO_COLOR: '1',
    };
    try {
      const { stdout, stderr } = await execute('nsenter', words, {
        env: environment,
        timeout: COMMAND_TIMEOUT_MS,
        maxBuffer: 64 * 1024 * 1024,
      });
      return { status: 0, stdout, stderr };
    } catch (error) {
      const {
        code,
        stdout = '',
        stderr = '',
      } = error as { code?: unknown; stdout?: string; stderr?: string };
      return { status: typeof code === 'number' ? code : 1, stdout, stderr };
    }
  }

  /** Runs a program that has to succeed. @returns its output. */
  async must(program: string, ...argv: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(program, ...argv);
    if (status === 0) return stdout;
    throw new Error(`${this.name}: ${program} ${argv.join(' ')}: exit status ${status}\n${stdout}${stderr}`);
  }

  async passerelle(file: string, verb: string, ...words: readonly string[]): Promise<Outcome> {
    return this.run(PASSERELLE, verb, '-f', file, ...words);
  }

  async up(file: string, ...words: readonly string[]): Promise<string> {
    return this.must(PASSERELLE, 'up', '-f', file, ...words);
  }

  /** Runs a program inside a machine of the project that is a namespace, on whichever engine. */
  async inside(project: string, machine: string, ...argv: readonly string[]): Promise<Outcome> {
    const names = (await this.must('ip', 'netns', 'list')).split(/\s+/);
    const own = names.find((name) => name.includes(`:${project}:`) && name.endsWith(`:${machine}`));
    return this.run('ip', 'netns', 'exec', own ?? `no machine ${machine}`, ...argv);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.holder.kill('SIGKILL');
    if (this.holder.exitCode === null && this.holder.signalCode === null) await once(this.holder, 'exit');
    await this.ovs[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}
