/**
 * Takes the host's NIC into a bridge and gives it back. Theory of operation: what the host has on the NIC is read, the
 * way back is written down, the watchdog is started, and one batch moves the lot. Then the probes: every witness (the
 * gateways, the operator's SSH peer) that answered before must answer again. When they do, the change is committed; when
 * not, it stays open until `passerelle commit` or the watchdog's time limit, and after the limit the way back is
 * verified. The NIC carries our mark from the first line of the batch to the last line of the way back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Run, runnerIn } from '../../../clients/command/run.js';
import { runBatch } from '../../../clients/iproute/batch.js';
import { readAddresses, readLinks } from '../../../clients/iproute/links.js';
import { readDeviceRoutes, readRoutes } from '../../../clients/iproute/routes.js';
import { PasserelleError } from '../../../errors.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import { gatewaysOf, whoAnswers } from '../../kernel-gateway/uplink/witnesses.js';
import { formatMark } from '../marks.js';
import { copyLanSettings } from './lan-settings.js';
import { type HostPart, leasedAddresses, moveLines } from './move-lines.js';
import {
  type DhcpClient,
  findDhcpClient,
  isRenewing,
  putToSleep,
  renewingArguments,
  startRenewing,
  stopRenewing,
  wake,
} from './dhcp-lease.js';
import { noUplink, resolveUplink, UPLINK_KIND, type UplinkRecord, uplinkOf } from './uplink-resource.js';
import { UplinkRecords } from './uplink-records.js';
import {
  commitWatchdog,
  exists,
  isWaiting,
  removeWatchdogFiles,
  startWatchdog,
} from '../../kernel-gateway/uplink/watchdog.js';

const POLL_MS = 100;
const PROBE_ATTEMPTS = 5;

export interface KeeperOptions {
  readonly project: string;
  /** Where the way back and what was asked are written down. */
  readonly directory: string;
  readonly namespace: string | undefined;
  /** How long the change may stay open before it is reverted. */
  readonly limitMs: number;
  /** Addresses besides the gateways that must go on answering: the operator's own SSH peer. */
  readonly peers: () => Promise<readonly string[]>;
}

export class UplinkKeeper {
  readonly #options: KeeperOptions;
  readonly #run: Run;
  readonly records: UplinkRecords;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#run = runnerIn(options.namespace);
    this.records = new UplinkRecords(options.directory);
  }

  /** What was written down when the network's NIC was taken. */
  record(network: string): Promise<UplinkRecord | undefined> {
    return this.records.read(network);
  }

  /** Lines for the person: what waits for a word, and leases that nobody renews. */
  async notes(signal: AbortSignal): Promise<string[]> {
    const addresses = await readAddresses(this.#run, signal);
    const notes = await Promise.all(
      (await this.records.networks()).map(async (network) => {
        const record = await this.records.read(network);
        const isRenewed = await isRenewing(this.records.clientFiles(network));
        const held = isRenewed ? [] : addresses.filter(({ address }) => record?.leased.includes(address));
        return [
          ...(record?.isCommitted === false
            ? [`the uplink of ${network} is taken out again soon unless you run \`passerelle commit\``]
            : []),
          ...held.map(
            ({ address, ifname }) =>
              `${address} came by DHCP and is kept without being renewed: let the host's DHCP client serve ${ifname} (\`passerelle export\` prints the configuration)`,
          ),
        ];
      }),
    );
    return notes.flat();
  }

  /** Removes what is left of changes that a watchdog has reverted after the death of the command. */
  async sweep(signal: AbortSignal): Promise<void> {
    const networks = await this.records.networks();
    if (networks.length === 0) return;
    const altnames = (await readLinks(this.#run, signal)).flatMap((link) => link.altnames);
    for (const network of networks) {
      const marks = (['uplink', 'host-uplink'] as const).map((kind) =>
        formatMark(this.#options.project, { kind, network }),
      );
      if (marks.some((mark) => altnames.includes(mark)) || (await isWaiting(this.records.files(network))))
        continue;
      await stopRenewing(this.records.clientFiles(network));
      await this.records.forget(network);
    }
  }

  /** Gives back what goes, before its bridge goes. */
  async giveBack(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    for (const change of changes) {
      if (change.action === 'create' || subjectOf(change).kind !== UPLINK_KIND) continue;
      if (isAboutProbesOnly(change)) continue;
      await this.#giveBackOne(change.before, signal);
    }
  }

  /** Takes what comes, once its bridge stands. @throws PasserelleError `linux/uplink-reverted`. */
  async take(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    for (const change of changes) {
      if (change.action === 'delete' || change.after.kind !== UPLINK_KIND) continue;
      if (isAboutProbesOnly(change)) await this.#rememberProbes(change.after);
      else await this.#takeOne(change.after, signal);
    }
  }

  /** The person says that the change stays. Names the networks whose uplink was waiting for it. */
  async commit(): Promise<string[]> {
    const committed = await Promise.all(
      (await this.records.networks()).map(async (network) =>
        (await commitWatchdog(this.records.files(network))) ? [network] : [],
      ),
    );
    return committed.flat();
  }

  async #rememberProbes(resource: Resource): Promise<void> {
    const record = await this.records.read(networkOf(resource));
    if (record === undefined) return;
    const { isCommitted: _, ...written } = record;
    await this.records.write(networkOf(resource), { ...written, probes: uplinkOf(resource).probes });
  }

  async #takeOne(resource: Resource, signal: AbortSignal): Promise<void> {
    const run = this.#run;
    const network = networkOf(resource);
    const { uplink, bridge, probes } = uplinkOf(resource);
    const device = resolveUplink(uplink, await readRoutes(run, signal));
    if (device === undefined) throw new PasserelleError(noUplink(network));
    const part = await this.#partOf(device, signal);
    const mac = (await readLinks(run, signal)).find(({ ifname }) => ifname === device)?.address;
    if (mac === undefined) throw new PasserelleError(noUplink(network));
    const peers = await this.#options.peers();
    const witnesses = [...new Set([...gatewaysOf(part.routes), ...probes, ...peers])];
    const answered = await whoAnswers(run, witnesses, 1, signal);

    const mark = formatMark(this.#options.project, { kind: 'uplink', network });
    const files = this.records.files(network);
    const leased = leasedAddresses(part);
    const client = leased.length === 0 ? undefined : await this.#dhcpClientOf(device, signal);
    const clientFiles = this.records.clientFiles(network);
    const sleeper = client && { pid: client.pid, words: client.words };
    await this.records.write(network, { uplink, device, probes, leased, ...(sleeper && { sleeper }) });
    await copyLanSettings(run, device, bridge, signal);
    const isRenewed = client !== undefined;
    const wayBack = wayBackLines(device, bridge, mark, part, isRenewed);
    await startWatchdog(this.#options.namespace, files, wayBack, this.#options.limitMs, {
      // Our client of the bridge ends, and the host's own is woken up.
      before: `[ -s '${clientFiles.pid}' ] && kill -KILL "$(cat '${clientFiles.pid}')"`,
      ...(client !== undefined && { after: `kill -CONT ${client.pid}` }),
    });
    if (client !== undefined) putToSleep(client);
    const lines = [
      `link property add dev ${device} altname ${mark}`,
      // Its link-local address is formed as it comes up.
      `link set dev ${bridge} down`,
      `link set dev ${bridge} address ${mac}`,
      `link set dev ${bridge} addrgenmode eui64`,
      `link set dev ${bridge} up`,
      `link set dev ${device} master ${bridge}`,
      ...moveLines(device, bridge, part, isRenewed),
    ];
    try {
      await runBatch(run, lines, { directory: this.#options.directory, signal });
    } catch (cause) {
      await runBatch(run, wayBack, { directory: this.#options.directory, signal, force: true });
      if (client !== undefined) await wake(client);
      await commitWatchdog(files);
      throw cause;
    }
    const [address = ''] = leased;
    if (client !== undefined) {
      const words = renewingArguments(client, bridge, address, clientFiles);
      await startRenewing(this.#options.namespace, words, clientFiles);
    }
    const stillAnswer = await whoAnswers(this.#run, answered, PROBE_ATTEMPTS, signal);
    if (stillAnswer.length === answered.length) await commitWatchdog(files);
    else await this.#waitForVerdict(network, answered, stillAnswer, signal);
    await removeWatchdogFiles(files);
  }

  async #giveBackOne(before: Resource, signal: AbortSignal): Promise<void> {
    const network = networkOf(before);
    const mark = formatMark(this.#options.project, { kind: 'uplink', network });
    const links = await readLinks(this.#run, signal);
    const device = links.find(({ altnames }) => altnames.includes(mark))?.ifname;
    const { bridge } = uplinkOf(before);
    if (device !== undefined) {
      // What is on the bridge now, not what there was: the host may have got other addresses meanwhile.
      const bridgeStands = links.some(({ ifname }) => ifname === bridge);
      const part = bridgeStands ? await this.#partOf(bridge, signal) : { addresses: [], routes: [] };
      const record = await this.records.read(network);
      await stopRenewing(this.records.clientFiles(network));
      const lines = wayBackLines(device, bridge, mark, part, record?.sleeper !== undefined);
      await runBatch(this.#run, lines, { directory: this.#options.directory, signal });
      if (record?.sleeper !== undefined) await wake(record.sleeper);
    }
    await commitWatchdog(this.records.files(network));
    await this.records.forget(network);
  }

  async #dhcpClientOf(device: string, signal: AbortSignal): Promise<DhcpClient | undefined> {
    const { stdout } = await this.#run(['readlink', '/proc/self/ns/net'], { signal });
    return findDhcpClient(device, stdout.trim());
  }

  async #partOf(device: string, signal: AbortSignal): Promise<HostPart> {
    const [addresses, routes] = await Promise.all([
      readAddresses(this.#run, signal),
      readDeviceRoutes(this.#run, device, signal),
    ]);
    return { addresses: addresses.filter(({ ifname }) => ifname === device), routes };
  }

  async #waitForVerdict(
    network: string,
    answered: readonly string[],
    stillAnswer: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const files = this.records.files(network);
    while (!(await exists(files.reverted))) {
      if (await exists(files.committed)) return;
      await sleep(POLL_MS, undefined, { signal });
    }
    await stopRenewing(this.records.clientFiles(network));
    await this.records.forget(network);
    const silent = answered.filter((gateway) => !stillAnswer.includes(gateway));
    const again = await whoAnswers(this.#run, answered, PROBE_ATTEMPTS, signal);
    throw new PasserelleError([
      {
        code: 'linux/uplink-reverted',
        message: `with the uplink in the bridge of ${network}, ${silent.join(' and ')} did not answer any more, so the uplink was taken out again; ${again.length === answered.length ? 'everything that answered before answers again' : 'and still not everything answers'}`,
        fix: 'does the LAN accept more than one MAC on this port (port security, a virtual machine without promiscuous mode)? `passerelle commit` within the time limit keeps the change whatever the probes say',
      },
    ]);
  }
}

function wayBackLines(
  device: string,
  bridge: string,
  mark: string,
  part: HostPart,
  isRenewed: boolean,
): string[] {
  return [
    `link set dev ${device} nomaster`,
    ...moveLines(bridge, device, part, isRenewed),
    `link property del dev ${device} altname ${mark}`,
  ];
}

/** Who will be asked next time is no reason to take the NIC anew. */
function isAboutProbesOnly(change: Change): boolean {
  return change.action === 'update' && change.changed.every((name) => name === 'probes');
}

function networkOf(resource: Resource): string {
  return resource.id.split('/')[2] ?? '';
}
