import { describe, expect, it } from 'vitest';
import { checksum } from '../../../wire/checksum.js';
import { readQuotedPacket } from '../../../wire/icmp.js';
import { TcpFlag } from '../../../wire/tcp.js';
import { GUEST_ISS, NAT_ISS, SegmentProbe } from '../../../../test/fabric/nat/segment-probe.js';

const { syn, ack, rst, psh } = TcpFlag;
const SYN = {
  sequence: GUEST_ISS,
  flags: syn,
  options: { mssBytes: 1460, windowScale: 7, sackPermitted: true },
};

describe('opening a connection (RFC 9293 section 3.5)', () => {
  it('answers the SYN only once the host side stands', () => {
    const probe = new SegmentProbe({ host: { connectMs: 500 } });
    expect(probe.send(SYN)).toEqual([]);
    expect(probe.wait(499)).toEqual([]);
    const [answer] = probe.wait(1);
    expect(answer).toMatchObject({ flags: syn | ack, sequence: NAT_ISS, acknowledgement: GUEST_ISS + 1 });
    expect(probe.stream.target).toEqual({ family: 4, address: '203.0.113.5', port: 80 });
  });

  it.each(['ECONNREFUSED', 'ECONNRESET'])('answers %s by a reset (section 3.10.7.1)', (errorCode) => {
    const probe = new SegmentProbe({ host: { errorCode } });
    probe.send(SYN);
    expect(probe.wait(5)).toMatchObject([{ flags: rst | ack, sequence: 0, acknowledgement: GUEST_ISS + 1 }]);
    expect(probe.flows).toBe(0);
  });

  it.each([
    ['EHOSTUNREACH', 1],
    ['ENETUNREACH', 0],
    ['EADDRNOTAVAIL', 0],
    ['EACCES', 13],
  ])('answers %s by ICMP 3/%i with the SYN in it (RFC 1812 section 5.2.7.1)', (errorCode, code) => {
    const probe = new SegmentProbe({ host: { errorCode } });
    probe.send(SYN);
    expect(probe.wait(5)).toEqual([]);
    const [packet] = probe.others;
    expect(packet?.subarray(20, 22)).toEqual(Buffer.from([3, code]));
    expect(checksum(packet!, 20, packet!.length)).toBe(0);
    // From the gateway, about the guest's own packet.
    expect(packet?.subarray(12, 20)).toEqual(Buffer.from([10, 0, 0, 1, 10, 0, 0, 2]));
    expect(readQuotedPacket(packet!, 28, packet!.length)).toMatchObject({
      protocol: 6,
      sourcePort: 40_000,
      destinationPort: 80,
    });
    expect(packet?.subarray(28 + 12, 28 + 20)).toEqual(Buffer.from([10, 0, 0, 2, 203, 0, 113, 5]));
    expect(packet?.readUInt32BE(28 + 20 + 4)).toBe(GUEST_ISS);
    expect(checksum(packet!, 28, 48)).toBe(0);
    expect(probe.flows).toBe(0);
  });

  it.each([
    ['EHOSTUNREACH', 3],
    ['ENETUNREACH', 0],
    ['EACCES', 1],
  ])('answers %s by ICMPv6 1/%i (RFC 4443 section 3.1)', (errorCode, code) => {
    const probe = new SegmentProbe({ guest: 'fd00::2', remote: '2001:db8::5', host: { errorCode } });
    probe.send(SYN);
    probe.wait(5);
    const [packet] = probe.others;
    expect(packet?.[6]).toBe(58);
    expect(packet?.subarray(40, 42)).toEqual(Buffer.from([1, code]));
    expect(readQuotedPacket(packet!, 48, packet!.length)).toMatchObject({
      protocol: 6,
      sourcePort: 40_000,
      destinationPort: 80,
    });
  });

  it('is silent about a host that does not answer', () => {
    const probe = new SegmentProbe({ host: { errorCode: 'ETIMEDOUT', connectMs: 130_000 } });
    probe.send(SYN);
    expect(probe.wait(140_000)).toEqual([]);
    expect(probe.others).toEqual([]);
    expect(probe.flows).toBe(0);
  });

  it('makes no second flow of a repeated SYN', () => {
    const probe = new SegmentProbe({ host: { connectMs: 100 } });
    probe.send(SYN);
    probe.send(SYN, SYN);
    expect(probe.wait(100)).toHaveLength(1);
    expect(probe.send(SYN)).toMatchObject([{ flags: syn | ack, sequence: NAT_ISS }]);
    expect(probe.host.streams).toHaveLength(1);
    expect(probe.flows).toBe(1);
  });

  it('takes the newer SYN of a guest that started anew while the host is dialled', () => {
    const probe = new SegmentProbe({ host: { connectMs: 100 } });
    probe.send(SYN);
    probe.send({ ...SYN, sequence: 777_000 });
    expect(probe.wait(100)).toMatchObject([{ acknowledgement: 777_001 }]);
    expect(probe.host.streams).toHaveLength(1);
  });

  it('stops dialling when the guest resets', () => {
    const probe = new SegmentProbe({ host: { connectMs: 100 } });
    probe.send(SYN);
    probe.send({ sequence: GUEST_ISS + 1, flags: rst });
    expect(probe.stream.wasReset).toBe(true);
    expect(probe.wait(1000)).toEqual([]);
    expect(probe.flows).toBe(0);
  });

  it('repeats the SYN-ACK with back-off (RFC 6298 section 5) and gives up after 4 min (RFC 5382 REQ-5)', () => {
    const probe = new SegmentProbe();
    probe.send(SYN);
    expect(probe.wait(1)).toHaveLength(1);
    const at: number[] = [];
    for (let second = 0; second < 64; second++) if (probe.wait(1000).length > 0) at.push(second + 1);
    expect(at).toEqual([1, 3, 7, 15, 31, 63]);
    probe.wait(240_000);
    expect(probe.flows).toBe(0);
    expect(probe.stream.wasReset).toBe(true);
  });

  it('resets a handshake that acknowledges the wrong number (section 3.10.7.4, fifth check) and keeps the connection', () => {
    const probe = new SegmentProbe();
    probe.send(SYN);
    probe.wait(1);
    for (const acknowledgement of [NAT_ISS, NAT_ISS + 2, NAT_ISS - 1]) {
      const answers = probe.send({ sequence: GUEST_ISS + 1, acknowledgement, flags: ack });
      expect(answers).toMatchObject([{ flags: rst, sequence: acknowledgement }]);
    }
    probe.send({ sequence: GUEST_ISS + 1, acknowledgement: NAT_ISS + 1, flags: ack });
    probe.stream.send(Buffer.from('hello'));
    expect(probe.take()).toMatchObject([{ payload: Buffer.from('hello') }]);
  });

  it('resets the host when the guest resets in SYN-RECEIVED (section 3.10.7.4, second check)', () => {
    const probe = new SegmentProbe();
    probe.send(SYN);
    probe.wait(1);
    probe.send({ sequence: GUEST_ISS + 1, flags: rst });
    expect(probe.stream.wasReset).toBe(true);
    expect(probe.flows).toBe(0);
  });

  it('leaves data in a SYN to be sent again', () => {
    const probe = new SegmentProbe();
    probe.send({ ...SYN, payload: Buffer.from('early') });
    expect(probe.wait(1)).toMatchObject([{ acknowledgement: GUEST_ISS + 1 }]);
    expect(probe.stream.receivedBytes).toHaveLength(0);
  });

  it('takes data that comes with the last acknowledgement of the handshake', () => {
    const probe = new SegmentProbe();
    probe.send(SYN);
    probe.wait(1);
    const first = {
      sequence: GUEST_ISS + 1,
      acknowledgement: NAT_ISS + 1,
      flags: ack | psh,
      payload: Buffer.from('GET'),
    };
    probe.send(first);
    expect(probe.stream.receivedBytes.toString()).toBe('GET');
  });
});

describe('options of the handshake', () => {
  it('sends segments of 536 bytes to a guest that names no MSS (section 3.7.1, MUST-15)', () => {
    const probe = new SegmentProbe();
    probe.open({});
    probe.stream.send(Buffer.alloc(1000));
    expect(probe.take().map((answer) => answer.payload.length)).toEqual([536, 464]);
  });

  it('sends segments of 1220 bytes over IPv6 (section 3.7.1, MUST-15)', () => {
    const probe = new SegmentProbe({ guest: 'fd00::2', remote: '2001:db8::5' });
    probe.open({});
    probe.stream.send(Buffer.alloc(2000));
    expect(probe.take().map((answer) => answer.payload.length)).toEqual([1220, 780]);
  });

  it('never exceeds the MTU of the network, and tells the guest as much', () => {
    for (const [guest, remote, header] of [
      ['10.0.0.2', '203.0.113.5', 40],
      ['fd00::2', '2001:db8::5', 60],
    ] as const) {
      const probe = new SegmentProbe({ guest, remote, network: { mtuBytes: 1400 } });
      probe.send({ ...SYN, options: { mssBytes: 9000 } });
      expect(probe.wait(1)).toMatchObject([{ options: { mssBytes: 1400 - header } }]);
      probe.send({ sequence: GUEST_ISS + 1, acknowledgement: NAT_ISS + 1, flags: ack });
      probe.stream.send(Buffer.alloc(2000));
      expect(probe.take()[0]?.payload.length).toBe(1400 - header);
    }
  });

  it('scales windows and permits SACK only when asked (RFC 7323 section 2.2, RFC 2018 section 2)', () => {
    const asked = new SegmentProbe();
    asked.send(SYN);
    expect(asked.wait(1)).toMatchObject([
      { options: { windowScale: 4, sackPermitted: true }, window: 65_535 },
    ]);
    const unasked = new SegmentProbe();
    unasked.send({ ...SYN, options: { mssBytes: 1460 } });
    expect(unasked.wait(1)[0]?.options).toEqual({ mssBytes: 1460 });
  });
});
