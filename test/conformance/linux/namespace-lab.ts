/**
 * A host, a LAN and an outside world made of network namespaces, for tests with real packets.
 *
 *     outside 203.0.113.9 ── router 203.0.113.1 | 192.0.2.1 ── (LAN 192.0.2.0/24) ── host 192.0.2.2
 *
 * IPv6 the same: 2001:db8:9::9, 2001:db8:9::1 | 2001:db8:2::1, 2001:db8:2::2. Only the host is given to the engine.
 */
import { execFileSync, type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Places } from '../../../src/places.js';
import { whySkipped } from '../../lab/prerequisites.js';

/**
 * Project of this run. Namespaces are the machine's, not a namespace's: two runs at once must not share names. A process
 * that a test starts is told the name.
 */
export const PROJECT = process.env['PSL_LAB_PROJECT'] ?? `lab${process.pid.toString(36)}`;

/** The namespace that is a machine of the project. */
export function machine(name: string): string {
  return `passerelle:${PROJECT}:machine:${name}`;
}

/** Why these tests are skipped here; undefined when they run. */
export function whyNot(): string | undefined {
  return whySkipped({ root: true, programs: ['ip', 'nft', 'dnsmasq', 'busybox', 'iperf3'] });
}

let serial = 0;

export interface Said {
  readonly ok: boolean;
  readonly text: string;
}

export class NamespaceLab {
  readonly host: string;
  readonly router: string;
  readonly outside: string;
  readonly places: Places;
  readonly #base: string;
  readonly #extra: string[] = [];
  readonly #children: ChildProcess[] = [];
  readonly #directory: string;

  constructor() {
    this.#base = `psl-test-${process.pid}-${serial++}`;
    this.host = `${this.#base}-host`;
    this.router = `${this.#base}-router`;
    this.outside = `${this.#base}-outside`;
    this.#directory = mkdtempSync(join(tmpdir(), 'psl-linux-'));
    this.places = {
      runDir: join(this.#directory, 'run', 'passerelle', 'lab'),
      stateDir: join(this.#directory, 'state', 'passerelle', 'lab'),
    };
    for (const name of [this.host, this.router, this.outside]) {
      execFileSync('ip', ['netns', 'add', name]);
      this.must(name, 'sysctl -qw net.ipv6.conf.default.accept_dad=0');
    }
    const lines = [
      `link add lan0 netns ${this.host} type veth peer name lan0 netns ${this.router}`,
      `link add wan0 netns ${this.router} type veth peer name wan0 netns ${this.outside}`,
    ];
    for (const line of lines) execFileSync('ip', line.split(' '));
    this.#configure(this.host, [
      'address add 192.0.2.2/24 dev lan0',
      'address add 2001:db8:2::2/64 dev lan0 nodad',
      'link set lan0 up',
      'route add default via 192.0.2.1',
      'route add default via 2001:db8:2::1',
    ]);
    this.#configure(this.router, [
      'address add 192.0.2.1/24 dev lan0',
      'address add 2001:db8:2::1/64 dev lan0 nodad',
      'address add 203.0.113.1/24 dev wan0',
      'address add 2001:db8:9::1/64 dev wan0 nodad',
      'link set lan0 up',
      'link set wan0 up',
    ]);
    this.#configure(this.outside, [
      'address add 203.0.113.9/24 dev wan0',
      'address add 2001:db8:9::9/64 dev wan0 nodad',
      'link set wan0 up',
      'route add default via 203.0.113.1',
      'route add default via 2001:db8:9::1',
    ]);
    for (const setting of ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']) {
      this.must(this.router, `sysctl -qw ${setting}`);
    }
  }

  #configure(namespace: string, lines: readonly string[]): void {
    execFileSync('ip', ['-n', namespace, '-batch', '-'], {
      input: ['link set lo up', ...lines].map((line) => `${line}\n`).join(''),
    });
  }

  /** Another namespace, gone at the end. */
  extraNamespace(name: string): string {
    const full = `${this.#base}-${name}`;
    execFileSync('ip', ['netns', 'add', full]);
    this.#extra.push(full);
    return full;
  }

  /** A line for `sh -c` inside a namespace. */
  say(namespace: string, line: string, timeoutMs = 20_000, environment: NodeJS.ProcessEnv = {}): Said {
    try {
      const text = execFileSync('ip', ['netns', 'exec', namespace, 'sh', '-c', line], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: timeoutMs,
        env: { ...process.env, ...environment },
      });
      return { ok: true, text };
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      return { ok: false, text: `${stdout}${stderr}` };
    }
  }

  must(namespace: string, line: string): string {
    const { ok, text } = this.say(namespace, line);
    if (!ok) throw new Error(`${namespace}: ${line}: ${text}`);
    return text;
  }

  /** Two pings, one answer is enough; half a second of patience each. */
  pings(from: string, address: string): boolean {
    const family = address.includes(':') ? '-6' : '-4';
    return this.say(from, `ping ${family} -n -c 2 -i 0.2 -W 1 ${address}`).ok;
  }

  /**
   * Listens on TCP and UDP ports, either family, and answers everyone with the address it sees them come from.
   * Returns once it listens.
   */
  async answerOn(namespace: string, ports: readonly number[]): Promise<void> {
    const program = `
      const net = require('node:net'), dgram = require('node:dgram');
      let left = ${ports.length * 2};
      const ready = () => { if (--left === 0) console.log('ready'); };
      const plain = (address) => address.replace('::ffff:', '');
      for (const port of ${JSON.stringify(ports)}) {
        net.createServer((socket) => { socket.on('error', () => {}); socket.end(plain(socket.remoteAddress)); }).listen(port, '::', ready);
        const udp = dgram.createSocket('udp6');
        udp.on('message', (_, from) => udp.send(plain(from.address), from.port, from.address));
        udp.bind(port, '::', ready);
      }`;
    const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    await new Promise((resolve) => child.stdout.once('data', resolve));
  }

  /** What a server answers to a connection or datagram from the namespace; undefined when nothing comes. */
  ask(from: string, address: string, port: number, protocol: 'tcp' | 'udp' = 'tcp'): string | undefined {
    const program = `
      const [address, port, protocol] = process.argv.slice(1);
      setTimeout(() => process.exit(1), 1500);
      const say = (data) => { process.stdout.write(String(data)); process.exit(0); };
      if (protocol === 'tcp') require('node:net').connect(+port, address).on('data', say).on('error', () => process.exit(1));
      else {
        const socket = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');
        socket.on('message', say).on('error', () => process.exit(1)).send('?', +port, address);
      }`;
    const { ok, text } = this.say(
      from,
      `${process.execPath} -e "$PROGRAM" ${address} ${port} ${protocol}`,
      5000,
      {
        PROGRAM: program,
      },
    );
    return ok ? text : undefined;
  }

  /** A program that goes on in the background until the end, or until it is killed by the test. */
  background(namespace: string, argv: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', namespace, ...argv], { stdio: 'ignore' });
    this.#children.push(child);
    return child;
  }

  /** Everything a host has of networks, as text that two moments can be compared by. */
  dump(namespace = this.host): string {
    const parts = [
      'ip -d link show',
      'ip address show',
      // Where tunnels lead; the rest of these tables is the kernel's own.
      'bridge fdb show state permanent | { grep dst || true; }',
      'ip route show table all',
      'ip -6 route show table all',
      'ip rule show',
      'ip -6 rule show',
      'ip -4 neigh show proxy',
      'ip -6 neigh show proxy',
      'nft list ruleset',
      'sysctl net.ipv4 net.ipv6 net.bridge 2>/dev/null',
    ];
    return (
      parts
        .map((part) => this.must(namespace, part))
        .join('\n')
        // Time runs on: lifetimes, timers, counters of addresses that expire, and the cache of resolved neighbours.
        .replaceAll(/(?:valid_lft|preferred_lft|\w+_timer) +\S+| expires \d+sec/g, '')
        .replaceAll(/^net\.netfilter\..*$/gm, '')
        .replaceAll(/^net\.ipv[46]\.(?:tcp_fastopen_key|tcp_mem|udp_mem).*$/gm, '')
    );
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const namespace of [...this.#extra, this.outside, this.router, this.host]) {
      const pids = this.#pidsIn(namespace);
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // Ended by itself.
        }
      }
      if (pids.length > 0) await sleep(50);
      execFileSync('ip', ['netns', 'delete', namespace]);
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #pidsIn(namespace: string): number[] {
    const text = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
    return text.split('\n').filter(Boolean).map(Number);
  }
}
