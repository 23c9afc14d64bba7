/** Machines behind the switch of somebody else: one port leads there, and the gateway knows them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrives, FabricStage, packet, putNetwork, resolves } from '../../test/fabric/fabric-stage.js';
import { macNumber } from '../../test/fabric/frames.js';
import { applyOperations, EMPTY, withStations, toConfiguration } from './control/configuration.js';

let stage: FabricStage;
beforeEach(async () => {
  stage = await FabricStage.open();
});
afterEach(() => stage.close());

const station = (index: number) => ({
  machine: `m${index}`,
  mac: `52:54:00:00:00:0${index}`,
  ipv4: `10.0.0.${index}`,
});

describe('stations', () => {
  it('are served through the port they are behind', async () => {
    const trunk = await stage.boot(9);
    const { ipv4: _none, ...port } = stage.portOf(9);
    const stations = [station(1), station(2)];
    await stage.fabric.apply([
      putNetwork('a', 0, { stations }),
      { put: 'port', value: { ...port, antiSpoofing: false } },
    ]);
    await stage.plugged(trunk);
    // Two machines ask through one port, and both are answered.
    for (const index of [1, 2]) expect(await resolves(trunk, index, 0, '10.0.0.254')).toBe(macNumber(0xf0));
    // What they say to each other stays on their side.
    const other = await stage.boot(3);
    await stage.fabric.apply([stage.putPort(3)]);
    await stage.plugged(other);
    trunk.send(packet(1, 3));
    await arrives(other, packet(1, 3));
  });

  it('are known to DHCP and DNS as ports are', () => {
    const configured = applyOperations(EMPTY, [putNetwork('a', 0, { stations: [station(1)] })]);
    expect(withStations(toConfiguration(configured)).ports).toEqual([
      expect.objectContaining({ machine: 'm1', network: 'a', ipv4: '10.0.0.1' }),
    ]);
  });

  it.each([
    ['fabric/duplicate-mac', [station(1), { ...station(2), mac: station(1).mac }]],
    ['fabric/duplicate-address', [station(1), { ...station(2), ipv4: '10.0.0.1' }]],
    ['fabric/address-outside-subnet', [{ ...station(1), ipv4: '192.0.2.1' }]],
  ])('are refused with %s', (code, stations) => {
    expect(() => applyOperations(EMPTY, [putNetwork('a', 0, { stations })])).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ code })] }),
    );
  });
});
