import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIdentity, parsePortTable, parseSetting, parseVlanTable } from './tables.js';

/** `port/allprint` of a vde_switch 2.3.2 with one cable in port 300. */
const PORTS = `Port 0001 untagged_vlan=0005 INACTIVE - NOT Unnamed Allocatable
 Current User: NONE Access Control: (User: NONE - Group: NONE)
 IN:  pkts          0          bytes                    0
 OUT: pkts          0          bytes                    0
Port 0300 untagged_vlan=0000 ACTIVE - Unnamed Allocatable
 Current User: root Access Control: (User: NONE - Group: NONE)
 IN:  pkts       1054          bytes                70874
 OUT: pkts       5729          bytes              8389558
  -- endpoint ID 0003 module unix prog   : passerelle shop a/0 user=root pid=30258
  -- endpoint ID 0009 module unix prog   : no endpoint description`.split('\n');

const VLANS = `VLAN 0000
 -- Port 0300 tagged=0 active=1 status=Forwarding
VLAN 0005
 -- Port 0001 tagged=0 active=0 status=Learning
 -- Port 0300 tagged=1 active=1 status=Forwarding
VLAN 0042`.split('\n');

describe('tables of a vde_switch', () => {
  it('reads the ports', () => {
    const [inactive, active] = parsePortTable(PORTS);
    expect(inactive).toEqual({
      number: 1,
      untaggedVlan: 5,
      isActive: false,
      endpoints: [],
      framesIn: 0,
      bytesIn: 0,
      framesOut: 0,
      bytesOut: 0,
    });
    expect(active).toEqual({
      number: 300,
      untaggedVlan: 0,
      isActive: true,
      framesIn: 1054,
      bytesIn: 70_874,
      framesOut: 5729,
      bytesOut: 8_389_558,
      endpoints: [
        { id: 3, description: 'passerelle shop a/0', pid: 30_258 },
        { id: 9, description: 'no endpoint description' },
      ],
    });
  });

  it('reads the VLANs, and who takes part with a tag', () => {
    expect([...parseVlanTable(VLANS)].map(([vlan, ports]) => [vlan, ...ports])).toEqual([
      [0],
      [5, 300],
      [42],
    ]);
  });

  it('reads who it is', () => {
    const lines = [
      'VDE switch V.2.3.2',
      '(C) Virtual Square Team (coord. R. Davoli) 2005,2006,2007 - GPLv2',
      '',
      'pid 24823 MAC 00:ff:96:ef:15:33 uptime 0',
    ];
    expect(parseIdentity(lines)).toEqual({ version: '2.3.2', pid: 24_823 });
    expect(parseIdentity(lines.slice(0, 2))).toBeUndefined();
  });

  it('reads settings', () => {
    expect(parseSetting(['Numports=32', 'HUB=false'], 'HUB')).toBe('false');
    expect(parseSetting(['Numports=32'], 'FSTP')).toBeUndefined();
  });

  it('takes any lines without a defect', () => {
    const line = fc.oneof(fc.constantFrom(...PORTS, ...VLANS), fc.string());
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        for (const port of parsePortTable(lines)) expect(Number.isSafeInteger(port.number)).toBe(true);
        for (const vlan of parseVlanTable(lines).keys()) expect(Number.isSafeInteger(vlan)).toBe(true);
        parseIdentity(lines);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});
