/**
 * ufw and firewalld themselves on a host of the lab, from packages that are unpacked and not installed: nobody's own machine
 * gets a firewall by running tests.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LAB = join(import.meta.dirname, '../../lab');
const PACKAGES = ['ufw', 'firewalld', 'iptables', 'dbus-daemon'];
const START_LIMIT_MS = 30_000;

/** A system bus that asks nobody's leave: only the firewall is on it. */
const BUS = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy>
</busconfig>
`;

/** Why this machine cannot lay packages over its own files; undefined where it can. */
export function whyNoOverlay(): string | undefined {
  const layers = 'lowerdir=/etc,upperdir=/run/written,workdir=/run/work';
  const lay = `mount -t tmpfs tmpfs /run && mkdir /run/written /run/work /run/all && mount -t overlay overlay -o ${layers} /run/all`;
  const { status, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', lay], { encoding: 'utf8' });
  return status === 0 ? undefined : `no overlay file system here: ${stderr.trim()}`;
}

export class RealFirewall {
  readonly #namespace: string;
  readonly #root: string;
  /** Keeps the mounts; everything else joins them. */
  #place: ChildProcess | undefined;
  readonly #daemons: ChildProcess[] = [];

  /** @param namespace the host's. */
  constructor(namespace: string) {
    this.#namespace = namespace;
    this.#root = execFileSync(join(LAB, 'borrow-packages'), ['firewalls', ...PACKAGES], {
      encoding: 'utf8',
    }).trim();
  }

  /** Debian's ufw as it is after `ufw enable`: nothing comes in, nothing is routed. */
  async startUfw(): Promise<void> {
    await this.#open();
    // What the package's own installation does.
    this.#say('cp /usr/share/ufw/*.rules /usr/share/ufw/ufw.conf /etc/ufw/ && ufw --force enable');
  }

  reloadUfw(): void {
    this.#say('ufw reload');
  }

  /** Debian's firewalld, every device in its zone `public`. */
  async startFirewalld(): Promise<void> {
    await this.#open();
    this.#say(`mkdir -p /run/dbus && cat >/run/bus.conf`, BUS);
    this.#daemons.push(this.#run(['dbus-daemon', '--config-file=/run/bus.conf', '--nofork', '--nopidfile']));
    this.#daemons.push(this.#run(['firewalld', '--nofork', '--nopid']));
    const deadline = Date.now() + START_LIMIT_MS;
    while (!this.#succeeds('firewall-cmd --state')) {
      if (Date.now() > deadline) throw new Error('firewalld does not start');
      await sleep(100);
    }
  }

  reloadFirewalld(): void {
    this.#say('firewall-cmd --reload');
  }

  async stop(): Promise<void> {
    for (const child of [...this.#daemons.reverse(), ...(this.#place === undefined ? [] : [this.#place])]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
  }

  async #open(): Promise<void> {
    const here = ['ip', 'netns', 'exec', this.#namespace, join(LAB, 'with-packages'), this.#root];
    const place = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', ...here, 'sh', '-c', 'echo ready; exec sleep infinity'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    this.#place = place;
    const ready = await Promise.race([once(place.stdout, 'data'), once(place, 'exit')]);
    if (String(ready[0]) !== 'ready\n') throw new Error('the packages are not in their places');
  }

  #argv(words: readonly string[]): [string, ...string[]] {
    const place = String(this.#place?.pid);
    return ['nsenter', '--target', place, '--mount', '--net', ...words];
  }

  #run(words: readonly string[]): ChildProcess {
    const [program, ...rest] = this.#argv(words);
    return spawn('setpriv', ['--pdeathsig', 'KILL', program, ...rest], { stdio: 'ignore' });
  }

  #say(line: string, input = ''): void {
    const [program, ...rest] = this.#argv(['sh', '-euc', line]);
    execFileSync(program, rest, { input, stdio: ['pipe', 'ignore', 'pipe'] });
  }

  #succeeds(line: string): boolean {
    try {
      this.#say(line);
      return true;
    } catch {
      return false;
    }
  }
}
