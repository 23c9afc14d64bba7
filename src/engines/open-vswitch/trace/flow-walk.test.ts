import { expect, it } from 'vitest';
import { parseFlowWalk } from './flow-walk.js';

const SPOOFED = `Flow: udp,in_port=2,vlan_tci=0x0000,dl_src=52:54:00:d7:c2:32,nw_src=10.41.0.62

bridge("psl270912db1e")
-----------------------
 0. in_port=2,dl_src=52:54:00:d7:c2:32, priority 200, cookie 0x7073c52cc1d80a13
    goto_table:1
 1. priority 0, cookie 0x70734ab1adcbb62d
    goto_table:2
 2. ip, priority 100, cookie 0x70734ab1adcbb62d
    move:NXM_OF_IP_SRC[]->NXM_NX_REG0[]
     -> NXM_NX_REG0[] is now 0xa29003e
    resubmit(,7)
     7. No match.
            drop
    goto_table:6
 6. priority 0, cookie 0x70734ab1adcbb62d
    drop

Final flow: udp,reg0=0xa29003e,in_port=2
Megaflow: recirc_id=0,eth,udp,in_port=2
Datapath actions: drop
`;

it('reads the flows that a frame met, and not those that were only asked', () => {
  const walk = parseFlowWalk(SPOOFED);
  expect(walk).toMatchObject({ bridge: 'psl270912db1e', actions: 'drop' });
  expect(walk).not.toHaveProperty('remark');
  expect(walk?.steps.map(({ table, action }) => [table, action])).toEqual([
    [0, 'goto_table:1'],
    [1, 'goto_table:2'],
    [2, 'goto_table:6'],
    [6, 'drop'],
  ]);
  expect(walk?.steps[0]).toEqual({
    table: 0,
    match: 'in_port=2,dl_src=52:54:00:d7:c2:32',
    priority: 200,
    cookie: '0x7073c52cc1d80a13',
    action: 'goto_table:1',
  });
});

it('reads what the switch itself remarks, and a table without a flow for it', () => {
  const learned = `bridge("b")\n----\n 0. priority 0\n    NORMAL\n     -> learned port is input port, dropping\n\nDatapath actions: drop\n`;
  expect(parseFlowWalk(learned)).toEqual({
    bridge: 'b',
    steps: [{ table: 0, match: '', priority: 0, cookie: '0x0', action: 'NORMAL' }],
    remark: 'learned port is input port, dropping',
    actions: 'drop',
  });
  expect(
    parseFlowWalk(`bridge("b")\n----\n 0. No match.\n    drop\n\nDatapath actions: drop\n`)?.steps,
  ).toEqual([{ table: 0, match: '', priority: 0, cookie: '0x0', action: 'drop' }]);
});

it('makes nothing of anything else', () => {
  expect(parseFlowWalk('')).toBeUndefined();
  expect(parseFlowWalk('b: unknown bridge\n')).toBeUndefined();
});
