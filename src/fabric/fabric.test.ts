import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  arrives,
  countOf,
  FabricStage,
  packet,
  putNetwork,
  resolves,
} from '../../test/fabric/fabric-stage.js';
import { arp, ethernet, ipv4, macNumber } from '../../test/fabric/frames.js';

let stage: FabricStage;

beforeEach(async () => {
  stage = await FabricStage.open();
});

afterEach(() => stage.close());

describe('Fabric', () => {
  it('switches between machines and answers as their gateway', async () => {
    const [m1, m2] = [await stage.boot(1), await stage.boot(2)];
    await stage.fabric.apply([putNetwork('a', 0), stage.putPort(1), stage.putPort(2)]);
    await stage.plugged(m1, m2);
    m1.send(packet(1, 2));
    await arrives(m2, packet(1, 2));
    expect(await resolves(m1, 1, 0, '10.0.0.254')).toBe(macNumber(0xf0));
    expect(stage.fabric.status()).toMatchObject({
      pid: process.pid,
      version: '1.2.3',
      networks: [{ name: 'a', flows: { tcp: 0, udp: 0, icmp: 0 } }],
    });
    expect(stage.statusOf(1)).toMatchObject({ network: 'a', connected: true, rxFrames: 2 });
  });

  it('routes between the networks of the project', async () => {
    const [m1, m2] = [await stage.boot(1), await stage.boot(2)];
    await stage.fabric.apply([
      putNetwork('a', 0),
      putNetwork('b', 1),
      stage.putPort(1),
      stage.putPort(2, 'b', 1),
    ]);
    await stage.plugged(m1, m2);
    const gateway = await resolves(m1, 1, 0, '10.0.0.254');
    const sent = ipv4('10.0.0.1', 6, Buffer.alloc(30, 7));
    sent.set([10, 0, 1, 2], 16);
    // The header's checksum, for the new destination.
    sent.writeUInt16BE(0, 10);
    let sum = 0;
    for (let offset = 0; offset < 20; offset += 2) sum += sent.readUInt16BE(offset);
    sent.writeUInt16BE(~((sum & 0xffff) + (sum >>> 16)) & 0xffff, 10);
    m1.send(ethernet(0x0800, sent, macNumber(1), gateway));
    const isRouted = (frame: Buffer): boolean =>
      frame.readUInt16BE(12) === 0x0800 && frame.subarray(34).equals(Buffer.alloc(30, 7));
    await m2.until(({ frames }) => frames.some(isRouted), 'routed packet');
    const routed = m2.frames.find(isRouted)!;
    expect(routed.readUIntBE(0, 6)).toBe(macNumber(2));
    expect(routed.readUIntBE(6, 6)).toBe(macNumber(0xf1));
    expect(routed[22]).toBe(63);
  });

  it('keeps guests to their own addresses, also against the gateway’s', async () => {
    const [m1, m2] = [await stage.boot(1), await stage.boot(2)];
    await stage.fabric.apply([putNetwork('a', 0), stage.putPort(1), stage.putPort(2)]);
    await stage.plugged(m1, m2);
    const asGateway = ethernet(0x0806, arp(2, macNumber(1), '10.0.0.254'), macNumber(1), macNumber(2));
    const asOther = ethernet(0x0800, ipv4('10.0.0.2', 6, Buffer.alloc(30)), macNumber(1), macNumber(2));
    m1.send(asGateway, asOther, packet(1, 2));
    await arrives(m2, packet(1, 2));
    expect(countOf(m2, asGateway) + countOf(m2, asOther)).toBe(0);
    expect(stage.statusOf(1)?.drops).toEqual({ 'spoofed-arp': 1, 'spoofed-ipv4': 1 });
    await stage.fabric.apply([{ put: 'port', value: { ...stage.portOf(1), antiSpoofing: false } }]);
    m1.send(asOther);
    await arrives(m2, asOther);
    expect(m1.connections).toBe(1);
  });

  it('carries out all of a transaction or none of it', async () => {
    const m1 = await stage.boot(1);
    await stage.fabric.apply([putNetwork('a', 0), stage.putPort(1)]);
    await stage.plugged(m1);
    const before = stage.fabric.configuration();
    await expect(
      stage.fabric.apply([putNetwork('b', 1), { delete: 'port', id: 'm1/0' }, stage.putPort(2, 'nowhere')]),
    ).rejects.toMatchObject({ problems: [{ code: 'fabric/unknown-network' }] });
    expect(stage.fabric.configuration()).toEqual(before);
    expect(stage.fabric.status().networks.map(({ name }) => name)).toEqual(['a']);
    expect(m1.isConnected).toBe(true);
  });

  it('edits live: what is not touched keeps its connection and counters', async () => {
    const [m1, m2, m3] = [await stage.boot(1), await stage.boot(2), await stage.boot(3)];
    await stage.fabric.apply([putNetwork('a', 0), stage.putPort(1), stage.putPort(2)]);
    await stage.plugged(m1, m2);
    m1.send(packet(1, 2));
    await arrives(m2, packet(1, 2));

    const dhcp = { rangeFirst: '10.0.0.100', rangeLast: '10.0.0.199', leaseSeconds: 600 };
    await stage.fabric.apply([
      putNetwork('a', 0, { mtuBytes: 9000, dhcp }),
      putNetwork('b', 1),
      stage.putPort(3, 'b', 1),
    ]);
    await stage.plugged(m1, m2, m3);
    const long = ethernet(0x0800, ipv4('10.0.0.1', 6, Buffer.alloc(8980)), macNumber(1), macNumber(2));
    m1.send(long);
    await arrives(m2, long);
    await stage.fabric.apply([
      { delete: 'port', id: 'm3/0' },
      { delete: 'network', id: 'b' },
    ]);
    await m3.until(({ isConnected }) => !isConnected, 'end of the third');
    m1.send(packet(1, 2, 0, 5));
    await arrives(m2, packet(1, 2, 0, 5));
    expect([m1.connections, m2.connections]).toEqual([1, 1]);
    expect(stage.statusOf(1)).toMatchObject({ rxFrames: 3, drops: {} });
    expect(stage.fabric.status().networks.map(({ name }) => name)).toEqual(['a']);
  });

  it('moves a machine to another network without cutting its wire', async () => {
    const [m1, m2] = [await stage.boot(1), await stage.boot(2)];
    await stage.fabric.apply([
      putNetwork('a', 0),
      putNetwork('b', 1),
      stage.putPort(1),
      stage.putPort(2, 'b', 1),
    ]);
    await stage.plugged(m1, m2);
    await stage.fabric.apply([stage.putPort(1, 'b', 1)]);
    m1.send(packet(1, 2, 1));
    await arrives(m2, packet(1, 2, 1));
    m2.send(packet(2, 1, 1));
    await arrives(m1, packet(2, 1, 1));
    expect(m1.connections).toBe(1);
    expect(stage.statusOf(1)?.network).toBe('b');
  });

  it('carries on after a restart, told everything again', async () => {
    const [m1, m2] = [await stage.boot(1), await stage.boot(2)];
    const told = [putNetwork('a', 0), stage.putPort(1), stage.putPort(2)];
    await stage.fabric.apply(told);
    await stage.plugged(m1, m2);
    await stage.restart();
    expect(stage.fabric.configuration()).toEqual({ networks: [], ports: [], forwards: [] });
    await stage.fabric.apply(told);
    await stage.plugged(m1, m2);
    m1.send(packet(1, 2));
    await arrives(m2, packet(1, 2));
  });

  it('captures what passes a port, until the port goes', async () => {
    const [m1, m2] = [await stage.boot(1), await stage.boot(2)];
    await stage.fabric.apply([putNetwork('a', 0), stage.putPort(1), stage.putPort(2)]);
    await stage.plugged(m1, m2);
    expect(() => stage.fabric.capture('m9/0')).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ code: 'fabric/unknown-port' })] }),
    );
    const capture = stage.fabric.capture('m2/0');
    const chunks: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of capture.chunks()) chunks.push(chunk);
    })();
    m1.send(packet(1, 2));
    await arrives(m2, packet(1, 2));
    m2.send(packet(2, 1));
    await arrives(m1, packet(2, 1));
    await stage.fabric.apply([{ delete: 'port', id: 'm2/0' }]);
    await reading;
    const stream = Buffer.concat(chunks);
    expect(stream.includes(packet(1, 2))).toBe(true);
    expect(stream.includes(packet(2, 1))).toBe(true);
    expect(stream.includes('m2/0')).toBe(true);
  });

  it('holds hundreds of ports', async () => {
    const ports = Array.from({ length: 200 }, (_, index) => stage.portOf(index + 1));
    await stage.fabric.apply([
      putNetwork('a', 0),
      ...ports.map((value) => ({ put: 'port', value }) as const),
    ]);
    expect(stage.fabric.status().ports).toHaveLength(200);
    await stage.fabric.apply(ports.map(({ id }) => ({ delete: 'port', id })));
    expect(stage.fabric.status().ports).toHaveLength(0);
  });
});
