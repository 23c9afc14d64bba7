import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { PasserelleError, type Problem } from '../../errors.js';
import type { Finding } from '../contract.js';
import { openLocal, type OvnHost } from './host.js';
import { readLocal } from './local/snapshot.js';
import { readinessOf } from './readiness.js';

/** Programs, and the Debian package that each is in. The daemons may run elsewhere: they are asked for, not looked for. */
const PACKAGES = {
  'ovs-vsctl': 'openvswitch-switch',
  'ovn-controller': 'ovn-host',
  ip: 'iproute2',
  nft: 'nftables',
  dnsmasq: 'dnsmasq-base',
} as const;

/** What this host offers the OVN engine and what it lacks. */
export async function doctorOvn(host: OvnHost, signal: AbortSignal): Promise<Finding[]> {
  const installed = await Promise.all(
    Object.entries(PACKAGES).map(async ([program, name]): Promise<Finding> => {
      const result = await host
        .run([program, program === 'ip' ? '-V' : '--version'], { signal })
        .catch(() => undefined);
      return result === undefined
        ? { subject: program, state: 'missing', detail: 'not installed', fix: `apt-get install ${name}` }
        : { subject: program, state: 'ok', detail: result.stdout.split('\n')[0]?.trim() ?? '' };
    }),
  );
  return [...installed, ...(await databaseFindings(host, signal))];
}

async function databaseFindings(host: OvnHost, signal: AbortSignal): Promise<Finding[]> {
  let database: OvsdbDatabase;
  try {
    database = await openLocal(host, signal);
  } catch (error) {
    if (!(error instanceof PasserelleError)) throw error;
    return error.problems.map((problem) => missing('ovsdb-server', problem));
  }
  try {
    // What stands of a project is not asked for here.
    const { problems, found } = await readinessOf(host, await readLocal(database, '', signal), signal);
    return [
      ...found.map(({ subject, detail }): Finding => ({ subject, state: 'ok', detail })),
      ...problems.map((problem) => missing('OVN', problem)),
    ];
  } finally {
    database.close();
  }
}

function missing(subject: string, { message, fix }: Problem): Finding {
  return { subject, state: 'missing', detail: message, ...(fix !== undefined && { fix }) };
}
