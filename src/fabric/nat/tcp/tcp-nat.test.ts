import { describe, expect, it } from 'vitest';
import { TcpFlag } from '../../../wire/tcp.js';
import { GUEST_ISS, NAT_ISS, SegmentProbe } from '../../../../test/fabric/nat/segment-probe.js';

const { syn, ack, rst, fin, psh } = TcpFlag;
const SYN = {
  sequence: GUEST_ISS,
  flags: syn,
  options: { mssBytes: 1460, windowScale: 7, sackPermitted: true },
};

describe('segments of no connection (RFC 9293 section 3.10.7.1)', () => {
  it('answers by a reset at the number it acknowledges', () => {
    const probe = new SegmentProbe();
    const answers = probe.send({
      sequence: 10,
      acknowledgement: 4242,
      flags: ack | psh,
      payload: Buffer.alloc(3),
    });
    expect(answers).toMatchObject([{ flags: rst, sequence: 4242 }]);
  });

  it('answers one without ACK by a reset that acknowledges it', () => {
    const probe = new SegmentProbe();
    const answers = probe.send({ sequence: 10, flags: fin, payload: Buffer.alloc(3) });
    expect(answers).toMatchObject([{ flags: rst | ack, sequence: 0, acknowledgement: 14 }]);
  });

  it('never answers a reset', () => {
    const probe = new SegmentProbe();
    expect(
      probe.send({ sequence: 10, flags: rst }, { sequence: 10, acknowledgement: 1, flags: rst | ack }),
    ).toEqual([]);
  });

  it('begins nothing for a SYN that is something else besides', () => {
    const probe = new SegmentProbe();
    probe.send(
      { sequence: 10, flags: syn | fin },
      { sequence: 10, flags: syn | rst },
      { sequence: 10, flags: syn | ack },
    );
    expect(probe.host.streams).toHaveLength(0);
    expect(probe.flows).toBe(0);
  });

  it('drops what is damaged', () => {
    const probe = new SegmentProbe();
    const packet = probe.packet(SYN);
    packet[packet.length - 1]! ^= 1;
    probe.inject(packet);
    probe.endBatch();
    expect(probe.host.streams).toHaveLength(0);
    expect(probe.drops).toEqual({ 'bad-checksum': 1 });
  });
});

describe('where a connection may lead', () => {
  it.each(['127.0.0.1', '0.0.0.1', '169.254.169.254', '240.1.2.3', '10.0.0.77'])(
    'refuses %s (RFC 1812 section 5.2.7.1, code 13)',
    (remote) => {
      const probe = new SegmentProbe({ remote });
      expect(probe.send(SYN)).toEqual([]);
      expect(probe.host.streams).toHaveLength(0);
      expect(probe.others[0]?.subarray(20, 22)).toEqual(Buffer.from([3, 13]));
      expect(probe.drops).toEqual({ 'destination-refused': 1 });
    },
  );

  it.each(['::1', '::', 'fe80::5', '::ffff:127.0.0.1', '::127.0.0.1', 'fd00::77'])(
    'refuses %s (RFC 4443 section 3.1, code 1)',
    (remote) => {
      const probe = new SegmentProbe({ guest: 'fd00::2', remote });
      expect(probe.send(SYN)).toEqual([]);
      expect(probe.host.streams).toHaveLength(0);
      expect(probe.others[0]?.subarray(40, 42)).toEqual(Buffer.from([1, 1]));
    },
  );

  it.each(['224.0.0.1', '255.255.255.255'])('is silent about %s (RFC 1122 section 3.2.2)', (remote) => {
    const probe = new SegmentProbe({ remote });
    expect(probe.send(SYN)).toEqual([]);
    expect(probe.others).toEqual([]);
    expect(probe.host.streams).toHaveLength(0);
  });

  it('lets nothing out of a network that is not `nat`', () => {
    const probe = new SegmentProbe({ network: { mode: 'routed' } });
    probe.send(SYN);
    expect(probe.host.streams).toHaveLength(0);
    expect(probe.others[0]?.subarray(20, 22)).toEqual(Buffer.from([3, 13]));
  });

  it('leads the gateway to the host only with hostLoopback', () => {
    const open = new SegmentProbe({ remote: '10.0.0.1', network: { hostLoopback: true } });
    open.send(SYN);
    expect(open.stream.target).toEqual({ family: 4, address: '127.0.0.1', port: 80 });
    const open6 = new SegmentProbe({ guest: 'fd00::2', remote: 'fd00::1', network: { hostLoopback: true } });
    open6.send(SYN);
    expect(open6.stream.target).toEqual({ family: 6, address: '::1', port: 80 });
    const closed = new SegmentProbe({ remote: '10.0.0.1' });
    const packet = closed.packet(SYN);
    expect(closed.nat.receiveLocal(closed.link, packet, 0, packet.length, 1)).toBe(false);
    expect(closed.host.streams).toHaveLength(0);
  });
});

describe('bounds on connections', () => {
  const limits = {
    maxHalfOpenPerGuest: 4,
    maxHalfOpenPerNetwork: 8,
    maxFlowsPerGuest: 10,
    maxFlowsPerNetwork: 10,
  };

  it('displaces the oldest half-open connection under a flood of SYNs', () => {
    const probe = new SegmentProbe({ limits, host: { connectMs: 1e6 } });
    for (let guestPort = 1; guestPort <= 7; guestPort++) probe.send({ ...SYN, guestPort });
    expect(probe.flows).toBe(4);
    expect(probe.host.streams.map((stream) => stream.wasReset)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(probe.drops).toEqual({ 'half-open-displaced': 3 });
  });

  it('drops the SYN when the table is full of open connections', () => {
    const probe = new SegmentProbe({ limits });
    for (let guestPort = 1; guestPort <= 10; guestPort++) {
      probe.send({ ...SYN, guestPort });
      probe.wait(1);
      probe.send({ sequence: GUEST_ISS + 1, acknowledgement: NAT_ISS + 1, flags: ack, guestPort });
    }
    expect(probe.flows).toBe(10);
    expect(probe.send({ ...SYN, guestPort: 11 })).toEqual([]);
    expect(probe.wait(10)).toEqual([]);
    expect(probe.drops).toEqual({ 'flow-table-full': 1 });
  });
});
