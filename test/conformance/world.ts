/**
 * The world around one host, made of network namespaces: the LAN of the host's uplink with a router and a server beyond,
 * and an office LAN with a DHCP server of its own on the host's second NIC.
 *
 *     outside 203.0.113.9 ── router ── 192.0.2.0/24 ── lan0 [host] lan1 ── 198.51.100.0/24 ── office 198.51.100.1
 *
 * The outside serves what outside-services.ts lists.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NamespaceLab } from './linux/namespace-lab.js';
import { sendWholeChecksums } from '../lab/offloads.js';
import type { Outcome } from './stage.js';

export const OUTSIDE = '203.0.113.9';
export const OUTSIDE_IPV6 = '2001:db8:9::9';
export const HOST = '192.0.2.2';
export const ROUTER = '192.0.2.1';
export const OFFICE = '198.51.100.1';
/** The host's own, where it has one. */
export const OFFICE_BRIDGE = 'office0';

const LOADER = fileURLToPath(new URL('../lab/typescript-loader.mjs', import.meta.url));
/** Node reads TypeScript first; on a machine that is busy with something else that takes its time. */
const SERVICES_LIMIT_MS = 120_000;
const SERVICES = fileURLToPath(new URL('outside-services.ts', import.meta.url));

export type Place = 'host' | 'router' | 'outside' | 'office';

/** Words before a command that runs in a namespace, and otherwise here: mounts stay, so that namespaces can be made there. */
export function enterWords(namespace: string): readonly [string, ...string[]] {
  return ['nsenter', `--net=/run/netns/${namespace}`, '--'];
}

export class World implements AsyncDisposable {
  readonly #lab = new NamespaceLab();
  readonly #office = this.#lab.extraNamespace('office');
  readonly #directory = mkdtempSync(join(tmpdir(), 'psl-world-'));

  private constructor() {}

  static async open(): Promise<World> {
    const world = new World();
    try {
      world.#routeToTheHost();
      world.#layOffice();
      await world.#serveOutside();
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  namespaceOf(place: Place): string {
    return place === 'office' ? this.#office : this.#lab[place];
  }

  /** Runs a line of shell at a place. */
  say(place: Place, line: string, timeoutMs = 30_000): Promise<Outcome> {
    const [program, ...words] = enterWords(this.namespaceOf(place));
    return new Promise((resolve) => {
      execFile(program, [...words, 'sh', '-c', line], { timeout: timeoutMs }, (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ status, stdout, stderr });
      });
    });
  }

  /** @returns what the line printed, trimmed. @throws Error when it fails. */
  async must(place: Place, line: string): Promise<string> {
    const { status, stdout, stderr } = await this.say(place, line);
    if (status !== 0) throw new Error(`${place}: ${line}: exit status ${status}\n${stdout}${stderr}`);
    return stdout.trim();
  }

  /** Everything the host has of networks, as text that two moments can be compared by. */
  dump(): string {
    return this.#lab.dump();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** As an administrator does it: the host's NIC to the office is a port of a bridge, which has its address. */
  async bridgeTheOffice(): Promise<void> {
    await this.must(
      'host',
      `ip link add ${OFFICE_BRIDGE} type bridge; ip address flush dev lan1; ip link set lan1 master ${OFFICE_BRIDGE}; ` +
        `ip address add 198.51.100.2/24 dev ${OFFICE_BRIDGE}; ip link set ${OFFICE_BRIDGE} up; ` +
        // Its own address of the link comes a moment later.
        `until ip -6 address show dev ${OFFICE_BRIDGE} | grep -q fe80; do sleep 0.1; done`,
    );
  }

  /** As a LAN's router is told of a routed network. */
  #routeToTheHost(): void {
    this.#lab.must(this.#lab.router, `ip route add 10.20.0.0/16 via ${HOST}`);
  }

  #layOffice(): void {
    const { host } = this.#lab;
    const cable = `link add lan1 netns ${host} type veth peer name lan1 netns ${this.#office}`;
    execFileSync('ip', cable.split(' '));
    this.#lab.must(host, 'ip address add 198.51.100.2/24 dev lan1; ip link set lan1 up');
    this.#lab.must(
      this.#office,
      `ip link set lo up; ip address add ${OFFICE}/24 dev lan1; ip link set lan1 up`,
    );
    // What leaves a real NIC has its checksum; a veth leaves it to whoever takes the frame.
    sendWholeChecksums(host, 'lan1');
    sendWholeChecksums(this.#office, 'lan1');
    const config = join(this.#directory, 'office.conf');
    const lines = [
      'interface=lan1',
      'bind-interfaces',
      'port=0',
      'no-ping',
      'keep-in-foreground',
      'user=root',
      'dhcp-range=198.51.100.100,198.51.100.120,1h',
      `dhcp-leasefile=${join(this.#directory, 'office.leases')}`,
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    this.#lab.background(this.#office, ['dnsmasq', `--conf-file=${config}`]);
  }

  async #serveOutside(): Promise<void> {
    const [program, ...words] = enterWords(this.#lab.outside);
    const services = spawn(program, [...words, process.execPath, '--import', LOADER, SERVICES], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(services.stdout, 'data', { signal: AbortSignal.timeout(SERVICES_LIMIT_MS) });
  }
}
