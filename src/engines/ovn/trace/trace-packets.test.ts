import { expect, it } from 'vitest';
import type { Network } from '../../../topology/topology.js';
import type { FlowStep } from '../../open-vswitch/trace/flow-walk.js';
import { ACL_FLOW_PRIORITY } from '../guard.js';
import { judgeFor } from './trace-packets.js';

const network = { name: 'web', mode: 'nat', gatewayMac: '52:54:00:00:00:01' } as Network;
const nic = { mac: '52:54:00:00:00:0a' };
const from = (mac: string, rest: string): Buffer => Buffer.from(`525400000002${mac}${rest}`, 'hex');
const own = (etherType: string): Buffer => from('52540000000a', etherType);

function endedBy(match: string, frame: Buffer, priority = 50) {
  const last: FlowStep = { table: 9, match, priority, cookie: '0x6cabc34b', action: 'drop' };
  return judgeFor(network, nic)(frame, { bridge: 'br-int', steps: [last], actions: 'drop' });
}

it('says what port security found, which asks in tables of its own', () => {
  const insecure = 'reg0=0x8000/0x8000,metadata=0x1';
  const reasons = [from('525400666666', '0800'), own('0800'), own('86dd'), own('0806'), own('88b5')].map(
    (frame) => endedBy(insecure, frame)?.reason,
  );
  expect(reasons).toEqual([
    "it is not from the NIC's own MAC",
    "its IPv4 source is not the NIC's own address",
    "its IPv6 source, or an address that it claims, is not the NIC's own",
    "it claims an address that is not the NIC's own",
    'it is neither ARP nor IPv4 nor IPv6',
  ]);
  expect(endedBy(insecure, own('0800'))).toMatchObject({
    rule: 'ovn br-int table=9,priority=50,reg0=0x8000/0x8000,metadata=0x1, logical flow 0x6cabc34b',
    isOurs: true,
  });
});

it('knows the ACLs of its networks from those of others', () => {
  const match = 'udp,reg14=0x3,metadata=0x1,tp_dst=68';
  expect(endedBy(match, own('0800'), ACL_FLOW_PRIORITY)?.reason).toBe(
    'a machine must not answer as a DHCP server',
  );
  expect(endedBy(match, own('0800'), 2001)).toMatchObject({
    reason: "not by Passerelle: a logical flow of somebody else's",
    isOurs: false,
  });
});

it('says when nobody is there', () => {
  expect(endedBy('reg15=0,metadata=0x1', own('0800'))?.reason).toBe(
    'no machine of the network has its destination',
  );
});
