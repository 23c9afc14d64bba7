/**
 * Encrypted tunnels. Theory of operation: Open vSwitch encrypts nothing. A tunnel whose options hold a key is seen by
 * ovs-monitor-ipsec (of the package openvswitch-ipsec), which has an IKE daemon agree on keys with the other end (RFC 7296)
 * and puts policies into the kernel, so that the tunnel's UDP travels in ESP (RFC 4303). The userspace datapath sends its
 * packets past the kernel and so past that.
 *
 * The key is in a file on each host. It goes from there into OVSDB and nowhere else: what is planned, shown and logged is
 * the file's path and whether the key that stands is the one in it.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Problem } from '../../../errors.js';
import { processStartTicks } from '../../../plan/process-identity.js';
import { locationOfKey } from '../../../spec/source-location.js';
import type { Network } from '../../../topology/topology.js';
import { datapathOf } from '../desire.js';
import type { OvsHost } from '../host/host.js';
import { networkOptions } from '../options.js';

const MONITOR = 'ovs-monitor-ipsec';
/** A person can type fewer, and a program guess them. */
const LEAST_KEY_CHARACTERS = 16;

/** Keys by the path of their file; one that cannot be read is not among them. */
export type Keys = ReadonlyMap<string, string>;

export async function readKeys(paths: Iterable<string>): Promise<Keys> {
  const read = await Promise.all(
    [...new Set(paths)].map(async (path): Promise<[string, string][]> => {
      const text = await readFile(path, 'utf8').catch(() => '');
      const key = text.split('\n')[0]?.trim() ?? '';
      return key === '' ? [] : [[path, key]];
    }),
  );
  return new Map(read.flat());
}

/** What keeps the tunnels of these networks from being encrypted on this host. */
export async function encryptionProblems(networks: readonly Network[], host: OvsHost): Promise<Problem[]> {
  const encrypted = networks.filter(
    (network) => network.overlay !== undefined && networkOptions(network).ipsec !== undefined,
  );
  if (encrypted.length === 0) return [];
  const isMonitored = await monitorRuns(host);
  const problems = await Promise.all(
    encrypted.map(async (network): Promise<Problem[]> => {
      const at = locationOfKey(network, 'ipsec');
      const path = networkOptions(network).ipsec?.['psk-file'] ?? '';
      const found = [
        datapathOf(network, host) === 'netdev' ? USERSPACE : undefined,
        isMonitored ? undefined : NO_MONITOR,
        await keyFault(path),
      ];
      return found.flatMap((fault) =>
        fault === undefined ? [] : [{ ...fault, message: `network ${network.name}: ${fault.message}`, at }],
      );
    }),
  );
  return problems.flat();
}

type Fault = Required<Pick<Problem, 'code' | 'message' | 'fix'>>;

const USERSPACE: Fault = {
  code: 'ovs/ipsec-in-userspace',
  message:
    'IPsec is of the kernel, and its packets go past the kernel (datapath netdev): they would travel in clear',
  fix: '`modprobe openvswitch` where the kernel has it, or leave `ipsec` out and give the hosts an encrypted network',
};

const NO_MONITOR: Fault = {
  code: 'ovs/ipsec-not-running',
  message: `${MONITOR} does not run here, and nobody else encrypts the tunnels`,
  fix: 'apt-get install openvswitch-ipsec, then: systemctl start openvswitch-ipsec',
};

async function keyFault(path: string): Promise<Fault | undefined> {
  const code = 'ovs/ipsec-key';
  const make = `install -m 600 /dev/null ${path}, and put one key into it on every host: openssl rand -hex 32`;
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) return { code, message: `there is no file ${path} with the key`, fix: make };
  if ((status.mode & 0o077) !== 0)
    return { code, message: `others than its owner may read the key in ${path}`, fix: `chmod 600 ${path}` };
  const key = (await readKeys([path])).get(path) ?? '';
  return key.length < LEAST_KEY_CHARACTERS || !/^[\x21-\x7e]+$/u.test(key)
    ? {
        code,
        message: `the first line of ${path} is no key of ${LEAST_KEY_CHARACTERS} printable characters or more`,
        fix: make,
      }
    : undefined;
}

async function monitorRuns({ remote }: OvsHost): Promise<boolean> {
  if (remote.kind !== 'unix') return false;
  const pid = await readFile(join(dirname(remote.path), `${MONITOR}.pid`), 'utf8').catch(() => '');
  return pid.trim() !== '' && (await processStartTicks(Number(pid))) !== undefined;
}
