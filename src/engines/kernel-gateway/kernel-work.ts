/**
 * What a list of changes comes to, gathered before anything is touched: links are made and taken down first, then the
 * settings of the new devices, then the rules as one transaction, and only then do devices come up or go. So a device
 * never carries a frame without its rules, whatever the order in which it was asked for. Where nothing goes, the rules
 * come while the devices are made.
 */
import { randomInt } from 'node:crypto';
import { type Run, runnerIn, shellWord } from '../../clients/command/run.js';
import { runBatch } from '../../clients/iproute/batch.js';
import { gatherElements, runTransaction } from '../../clients/nft/transaction.js';
import { writeSettings } from '../../clients/sysctl/sysctl.js';
import { allEnded } from './all-ended.js';

export interface KernelWork {
  /** Named namespaces that come, before anything that leads into them. */
  readonly newNamespaces: string[];
  /** Lines of `ip -batch`: devices are made and stay down; devices that will go are taken down. */
  readonly linkLines: string[];
  /** Lines of `bridge -batch`: entries of forwarding tables, once the devices stand. */
  readonly forwardingLines: string[];
  /** Lines of `ip -batch` inside named network namespaces, once these and their links stand. */
  readonly namespaceLines: Map<string, string[]>;
  /** Settings of devices inside named namespaces, once these stand and before they have addresses. */
  readonly namespaceSettings: Map<string, Map<string, string>>;
  readonly settings: Map<string, string>;
  /** Commands of `nft -f`. */
  readonly rulesetLines: string[];
  /** Lines of `ip -batch`: addresses, devices up. */
  readonly finalLinkLines: string[];
  /** Devices that go, then namespaces that go. */
  readonly doomedLinks: string[];
  readonly doomedNamespaces: string[];
}

export function emptyWork(): KernelWork {
  return {
    newNamespaces: [],
    linkLines: [],
    forwardingLines: [],
    namespaceLines: new Map(),
    namespaceSettings: new Map(),
    settings: new Map(),
    rulesetLines: [],
    finalLinkLines: [],
    doomedLinks: [],
    doomedNamespaces: [],
  };
}

export interface WorkOptions {
  /** For the batch files. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** @throws PasserelleError of the client that was refused; what was done by then stands. */
export async function carryOut(run: Run, work: KernelWork, options: WorkOptions): Promise<void> {
  // Their names are mounts (ip-netns(8)): made where this process is, else they would go with ip's own mount namespace.
  const runHere = runnerIn();
  await runBatch(
    runHere,
    work.newNamespaces.map((name) => `netns add ${name}`),
    options,
  );
  const setRules = (): Promise<void> =>
    runTransaction(run, gatherElements(work.rulesetLines), options.signal);
  if (onlyAdds(work)) await allEnded([makeLinks(run, work, options), setRules()]);
  else {
    await makeLinks(run, work, options);
    await setRules();
  }
  await runBatch(run, [...work.finalLinkLines, ...deletionLines(work.doomedLinks)], options);
  await runBatch(
    runHere,
    work.doomedNamespaces.map((name) => `netns delete ${name}`),
    options,
  );
}

/** Devices, inside named namespaces too, with their settings. */
async function makeLinks(run: Run, work: KernelWork, options: WorkOptions): Promise<void> {
  await runBatch(run, work.linkLines, options);
  await runBatch(run, work.forwardingLines, { ...options, program: 'bridge' });
  for (const [namespace, settings] of work.namespaceSettings)
    await writeSettings(runnerIn(namespace), settings, options.signal);
  for (const [namespace, lines] of work.namespaceLines) await runBatch(runnerIn(namespace), lines, options);
  await writeSettings(run, work.settings, options.signal);
}

/**
 * Whether the rules need not wait for the devices: nothing of either goes, and no chain hangs on a device (family
 * netdev). The devices are still down, so that it makes no difference which of the two stands first.
 */
function onlyAdds(work: KernelWork): boolean {
  return (
    work.doomedLinks.length === 0 &&
    work.linkLines.every((line) => !/^link (?:delete|set dev \S+ down)/.test(line)) &&
    work.rulesetLines.every((line) => !/^delete | netdev /.test(line))
  );
}

/**
 * Deleting links one by one costs a grace period of the kernel each (18 ms a tap); deleting a group costs one in all.
 * The group is drawn anew each time from numbers that nobody gives by hand.
 */
function deletionLines(links: readonly string[]): string[] {
  if (links.length < 2) return links.map((link) => `link delete dev ${link}`);
  const group = randomInt(0x4000_0000, 0x7fff_ffff);
  return [...links.map((link) => `link set dev ${link} group ${group}`), `link delete group ${group}`];
}

/** The same work as a person types it. */
export function commandsOf(work: KernelWork): string[] {
  return [
    ...work.newNamespaces.map((name) => `ip netns add ${name}`),
    ...work.linkLines.map((line) => `ip ${line}`),
    ...work.forwardingLines.map((line) => `bridge ${line}`),
    ...[...work.namespaceSettings].flatMap(([name, settings]) =>
      [...settings].map(
        ([key, value]) => `ip netns exec ${name} sysctl -q -w ${shellWord(`${key}=${value}`)}`,
      ),
    ),
    ...[...work.namespaceLines].flatMap(([name, lines]) => lines.map((line) => `ip -n ${name} ${line}`)),
    ...[...work.settings].map(([name, value]) => `sysctl -e -w ${shellWord(`${name}=${value}`)}`),
    ...work.rulesetLines.map((line) => `nft ${shellWord(line)}`),
    ...work.finalLinkLines.map((line) => `ip ${line}`),
    ...work.doomedLinks.map((link) => `ip link delete dev ${link}`),
    ...work.doomedNamespaces.map((name) => `ip netns delete ${name}`),
  ];
}
