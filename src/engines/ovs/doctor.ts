import type { OvsdbDatabase } from '../../clients/ovsdb/database.js';
import { mapOf, numberOf, textOf } from '../../clients/ovsdb/datum.js';
import { PasserelleError } from '../../errors.js';
import type { Finding } from '../contract.js';
import { openDatabase, type OvsHost } from './host/host.js';
import { SCHEMA_NEEDS } from './database/columns.js';

/** What this host offers the OVS engine and what it lacks. */
export async function doctorOvs(host: OvsHost, signal: AbortSignal): Promise<Finding[]> {
  const programs = ['ovs-vsctl', 'ovs-ofctl', 'ip', 'nft', 'dnsmasq'] as const;
  const packages = {
    'ovs-vsctl': 'openvswitch-switch',
    'ovs-ofctl': 'openvswitch-switch',
    ip: 'iproute2',
    nft: 'nftables',
    dnsmasq: 'dnsmasq-base',
  };
  const installed = await Promise.all(
    programs.map(async (program): Promise<Finding> => {
      const result = await host
        .run([program, program === 'ip' ? '-V' : '--version'], { signal })
        .catch(() => undefined);
      return result === undefined
        ? {
            subject: program,
            state: 'missing',
            detail: 'not installed',
            fix: `apt-get install ${packages[program]}`,
          }
        : { subject: program, state: 'ok', detail: result.stdout.split('\n')[0]?.trim() ?? '' };
    }),
  );
  const datapath: Finding =
    host.datapath === 'system'
      ? { subject: 'datapath', state: 'ok', detail: 'the kernel has the openvswitch datapath' }
      : {
          subject: 'datapath',
          state: 'warning',
          detail:
            'the kernel has no openvswitch datapath loaded: networks are switched in user space, which is slower',
          fix: 'modprobe openvswitch',
        };
  return [...installed, ...(await databaseFindings(host, signal)), datapath];
}

async function databaseFindings(host: OvsHost, signal: AbortSignal): Promise<Finding[]> {
  let database: OvsdbDatabase;
  try {
    database = await openDatabase(host, signal);
  } catch (error) {
    if (!(error instanceof PasserelleError)) throw error;
    return error.problems.map((problem) => ({
      subject: 'ovsdb-server',
      state: 'missing',
      detail: problem.message,
      ...(problem.fix !== undefined && { fix: problem.fix }),
    }));
  }
  try {
    const [row = new Map()] = await database.select('Open_vSwitch', [], SCHEMA_NEEDS.Open_vSwitch, signal);
    const isBehind = (numberOf(row, 'cur_cfg') ?? 0) < (numberOf(row, 'next_cfg') ?? 0);
    const vlanLimit = mapOf(row, 'other_config').get('vlan-limit') ?? '1';
    return [
      { subject: 'ovsdb-server', state: 'ok', detail: `schema ${database.schema.version}` },
      isBehind
        ? {
            subject: 'ovs-vswitchd',
            state: 'missing',
            detail: 'it has not acted on the last change of the database',
            fix: 'systemctl restart openvswitch-switch',
          }
        : {
            subject: 'ovs-vswitchd',
            state: 'ok',
            detail: `Open vSwitch ${textOf(row, 'ovs_version') ?? ''}`.trim(),
          },
      vlanLimit === '1'
        ? {
            subject: 'QinQ',
            state: 'warning',
            detail: 'the switch reads one VLAN tag a frame; NICs with `qinq: true` need two',
            fix: 'ovs-vsctl set Open_vSwitch . other_config:vlan-limit=2',
          }
        : { subject: 'QinQ', state: 'ok', detail: `vlan-limit ${vlanLimit}` },
    ];
  } finally {
    database.close();
  }
}
