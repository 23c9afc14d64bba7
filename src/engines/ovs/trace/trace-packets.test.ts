import { describe, expect, it } from 'vitest';
import { sampleNetwork, sampleNic, sampleSubnets } from '../../../../test/sample-topology.js';
import type { FlowStep } from '../../open-vswitch/trace/flow-walk.js';
import { guardFlows, networkFlows, Table } from '../flows/guard.js';
import { reasonOf } from './reasons.js';
import { judgeFor } from './trace-packets.js';

const network = sampleNetwork({ engine: 'ovs', interfaceName: 'pslweb', ...sampleSubnets });
const nic = sampleNic({ ipv4: '10.0.0.11' });
const step = (table: number, match = '', more: Partial<FlowStep> = {}): FlowStep => ({
  table,
  match,
  priority: 0,
  cookie: '0x7073000000000001',
  action: 'drop',
  ...more,
});

describe('reasons', () => {
  it('has a sentence for each flow of the guard that ends frames', () => {
    const flows = [...networkFlows(network, true), ...guardFlows(nic, network, 'tap0', '')];
    const asked: readonly number[] = [Table.owners4, Table.owners6];
    const ending = flows.flatMap((text) => {
      const [, table = '', , match = '', action] =
        /^table=(\d+),priority=(\d+),?(\S*) actions=(.*)$/u.exec(text) ?? [];
      return action === 'drop' && !asked.includes(Number(table)) ? [step(Number(table), match)] : [];
    });
    expect(ending.length).toBeGreaterThan(10);
    for (const last of ending) {
      const before =
        last.table === Table.verdict ? [step(Table.sources), step(Table.arp), step(Table.claims)] : [];
      for (const way of before.length > 0 ? before.map((one) => [one, last]) : [[last]])
        expect(reasonOf(way), JSON.stringify(way)).toMatch(/^(it|its|a|neighbour) /u);
    }
  });

  it('is silent where the guard let it pass', () => {
    expect(reasonOf([step(Table.verdict, 'reg4=0x1/0x1', { action: 'NORMAL' })])).toBeUndefined();
    expect(reasonOf([])).toBeUndefined();
  });
});

describe('the fate of a frame', () => {
  const judge = judgeFor(network, false);
  const frame = Buffer.from('52540000000252540000000a88cc00', 'hex');
  const walk = { bridge: 'pslweb', actions: 'drop' };

  it('names the flow that ended it', () => {
    expect(judge(frame, { ...walk, steps: [step(1, 'udp,tp_dst=68', { priority: 900 })] })).toEqual({
      outcome: 'dropped',
      reason: 'a machine must not answer as a DHCP server',
      rule: 'ovs pslweb table=1,priority=900,udp,tp_dst=68',
      isOurs: true,
    });
  });

  it('says what is not ours, and what the switch itself decides', () => {
    expect(judge(frame, { ...walk, steps: [step(0, '', { cookie: '0x0' })] })).toMatchObject({
      reason: 'not by Passerelle: the switch has nowhere to send it',
      isOurs: false,
    });
    const remark = 'learned port is input port, dropping';
    const steps = [step(6, 'reg4=0x1/0x1', { action: 'NORMAL' })];
    expect(
      judgeFor(network, true)(frame, { ...walk, steps, remark: 'forwarding to learned port' }),
    ).toMatchObject({
      reason: 'isolated NICs do not reach one another',
    });
    expect(judge(frame, { ...walk, steps, remark })).toMatchObject({
      reason: `the switch: ${remark}`,
      isOurs: true,
    });
  });

  it('leaves to the gateway what goes there', () => {
    const passing = { bridge: 'pslweb', actions: '2', steps: [step(6, '', { action: 'NORMAL' })] };
    expect(judge(frame, passing)).toEqual({ outcome: 'passed', reason: 'into web', isOurs: true });
    const toGateway = Buffer.from('52540000000152540000000a88cc00', 'hex');
    expect(judge(toGateway, passing)).toBeUndefined();
  });
});
