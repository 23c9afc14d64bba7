import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flow, meterIn, parseDump } from './flow-text.js';

describe('flow text', () => {
  it('reads what ovs-ofctl prints into the form in which flows are written', () => {
    const dump = [
      'OFPST_FLOW reply (OF1.4) (xid=0x2):',
      ' cookie=0x7073000000000001, table=8, priority=200,reg0=0xfd000041,reg1=0,reg2=0x0,reg3=0x66,in_port="tap-1" actions=load:0x1->NXM_NX_REG4[0]',
      ' priority=0 actions=NORMAL',
      ' cookie=0x7073000000000002, arp,in_port=tap2,arp_spa=10.0.0.1 actions=meter:5,goto_table:1',
      '',
    ].join('\n');
    expect(parseDump(dump)).toEqual([
      {
        cookie: '0x7073000000000001',
        text: flow(
          8,
          200,
          ['in_port=tap-1', 'reg3=0x66', 'reg0=0xfd000041', 'reg1=0x0', 'reg2=0'],
          'load:0x1->NXM_NX_REG4[0]',
        ),
      },
      { cookie: '0x0', text: 'table=0,priority=0 actions=NORMAL' },
      {
        cookie: '0x7073000000000002',
        text: 'table=0,priority=32768,arp,arp_spa=10.0.0.1,in_port=tap2 actions=meter:5,goto_table:1',
      },
    ]);
  });

  it('is the same whatever the order of the fields', () => {
    const fields = ['in_port=a', 'arp', 'arp_spa=10.0.0.1', 'arp_op=1', 'reg0=0x1/0xffff0000'];
    fc.assert(
      fc.property(fc.shuffledSubarray(fields, { minLength: 5 }), (shuffled) => {
        expect(flow(1, 2, shuffled, 'drop')).toBe(flow(1, 2, fields, 'drop'));
        const printed = ` cookie=0x1, table=1, priority=2,${shuffled.join(',')} actions=drop`;
        expect(parseDump(printed)[0]?.text).toBe(flow(1, 2, fields, 'drop'));
      }),
    );
  });

  it('finds the meter of a flow', () => {
    expect(meterIn('table=0,priority=1 actions=meter:77,NORMAL')).toBe(77);
    expect(meterIn('table=0,priority=1 actions=NORMAL')).toBeUndefined();
  });

  it('takes any text at all', () => {
    const token = fc.constantFrom(
      ' actions=',
      'cookie=0x',
      'priority=',
      ',',
      '"',
      '\n',
      'reg0=0x',
      'table=x',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(token, fc.string({ maxLength: 6 })), { maxLength: 30 }), (parts) => {
        const text = parts.join('');
        const lines = text.split('\n').filter((line) => line.includes(' actions='));
        expect(parseDump(text).length).toBe(lines.length);
      }),
      { numRuns: 1000, seed: 6633 },
    );
  });
});
