import { describe, expect, it } from 'vitest';
import { TcpFlag } from '../../../wire/tcp.js';
import { NETWORK } from '../../../../test/fabric/nat/recorded-link.js';
import { SegmentProbe } from '../../../../test/fabric/nat/segment-probe.js';

const { syn, ack, rst, fin, psh } = TcpFlag;
const text = (value: string) => Buffer.from(value);

describe('closing (RFC 9293 section 3.6)', () => {
  it('passes a half-close of the guest on, and goes on the other way', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    const last = { sequence: guest, acknowledgement: nat, flags: ack | fin, payload: text('bye') };
    expect(probe.send(last)).toMatchObject([{ acknowledgement: guest + 4, flags: ack }]);
    expect(probe.stream.ended).toBe(true);
    expect(probe.stream.receivedBytes.toString()).toBe('bye');
    probe.stream.send(text('still here'));
    expect(probe.take()).toMatchObject([{ payload: text('still here') }]);
    probe.send({ sequence: guest + 4, acknowledgement: nat + 10, flags: ack });
    probe.stream.send(Buffer.alloc(0), true);
    expect(probe.take()).toMatchObject([{ flags: ack | fin, sequence: nat + 10 }]);
    probe.send({ sequence: guest + 4, acknowledgement: nat + 11, flags: ack });
    // The guest closed first: TIME-WAIT is its own.
    expect(probe.flows).toBe(0);
    expect(probe.stream.wasReset).toBe(false);
  });

  it('passes a half-close of the host on, and goes on the other way', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.stream.send(text('bye'), true);
    // The data had left when the end was seen.
    expect(probe.take()).toMatchObject([{ payload: text('bye') }, { flags: ack | fin, sequence: nat + 3 }]);
    probe.send({ sequence: guest, acknowledgement: nat + 4, flags: ack });
    probe.send({ sequence: guest, acknowledgement: nat + 4, flags: ack | psh, payload: text('more') });
    expect(probe.stream.receivedBytes.toString()).toBe('more');
    expect(probe.stream.ended).toBe(false);
    probe.wait(10);
    const answers = probe.send({ sequence: guest + 4, acknowledgement: nat + 4, flags: ack | fin });
    expect(answers).toMatchObject([{ flags: ack, acknowledgement: guest + 5 }]);
    expect(probe.stream.ended).toBe(true);
    expect(probe.flows).toBe(1);
  });

  it('sends the FIN again until it is acknowledged (RFC 6298 section 5)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.stream.send(Buffer.alloc(0), true);
    expect(probe.take()).toMatchObject([{ flags: ack | fin, sequence: nat }]);
    expect(probe.wait(200)).toMatchObject([{ flags: ack | fin, sequence: nat }]);
    expect(probe.wait(400)).toMatchObject([{ flags: ack | fin, sequence: nat }]);
    probe.send({ sequence: guest, acknowledgement: nat + 1, flags: ack });
    expect(probe.wait(100_000)).toEqual([]);
  });

  it('does not end the host before it has taken everything', () => {
    const probe = new SegmentProbe({ host: { takeMs: () => 5000 } });
    const { guest, nat } = probe.open();
    probe.send({ sequence: guest, acknowledgement: nat, flags: ack, payload: text('one') });
    probe.send({ sequence: guest + 3, acknowledgement: nat, flags: ack | fin, payload: text('two') });
    probe.wait(5000);
    expect(probe.stream.ended).toBe(false);
    probe.wait(5000);
    expect(probe.stream.receivedBytes.toString()).toBe('onetwo');
    expect(probe.stream.ended).toBe(true);
  });

  it('keeps a connection that is over for the guest until the host has taken everything', () => {
    const probe = new SegmentProbe({ host: { takeMs: () => 5000 } });
    const { guest, nat } = probe.open();
    probe.stream.send(Buffer.alloc(0), true);
    probe.send({ sequence: guest, acknowledgement: nat + 1, flags: ack | fin, payload: text('late') });
    expect(probe.stream.wasReset).toBe(false);
    probe.wait(5000);
    expect(probe.stream.receivedBytes.toString()).toBe('late');
    expect(probe.stream.ended).toBe(true);
    probe.wait(60_000);
    expect(probe.flows).toBe(0);
  });

  it('closes when both sides end at once (section 3.6, figure 13)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.stream.send(Buffer.alloc(0), true);
    expect(probe.take()).toMatchObject([{ flags: ack | fin, sequence: nat }]);
    // The guest's FIN has crossed ours.
    expect(probe.send({ sequence: guest, acknowledgement: nat, flags: ack | fin })).toMatchObject([
      { flags: ack, sequence: nat + 1, acknowledgement: guest + 1 },
    ]);
    probe.send({ sequence: guest + 1, acknowledgement: nat + 1, flags: ack });
    expect(probe.flows).toBe(1);
    probe.wait(61_000);
    expect(probe.flows).toBe(0);
  });
});

describe('TIME-WAIT (RFC 9293 section 3.10.7.4)', () => {
  /** The host closes first, so that TIME-WAIT is here. */
  function waiting() {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.stream.send(Buffer.alloc(0), true);
    probe.send({ sequence: guest, acknowledgement: nat + 1, flags: ack | fin });
    expect(probe.flows).toBe(1);
    probe.take();
    return { probe, guest: guest + 1, nat: nat + 1 };
  }

  it('acknowledges the FIN again and starts anew', () => {
    const { probe, guest, nat } = waiting();
    probe.wait(50_000);
    expect(probe.send({ sequence: guest - 1, acknowledgement: nat, flags: ack | fin })).toMatchObject([
      { flags: ack, acknowledgement: guest, sequence: nat },
    ]);
    probe.wait(50_000);
    expect(probe.flows).toBe(1);
    probe.wait(11_000);
    expect(probe.flows).toBe(0);
  });

  it('is not ended by a reset (RFC 1337)', () => {
    const { probe, guest } = waiting();
    probe.send({ sequence: guest, flags: rst });
    expect(probe.flows).toBe(1);
  });

  it('gives way to a new connection with a higher number', () => {
    const { probe, guest, nat } = waiting();
    probe.send({ sequence: guest + 1000, flags: syn, options: { mssBytes: 1460 } });
    expect(probe.wait(1)).toMatchObject([{ flags: syn | ack, acknowledgement: guest + 1001 }]);
    expect(probe.host.streams).toHaveLength(2);
    expect(probe.flows).toBe(1);
    expect(nat).toBeGreaterThan(0);
  });

  it('answers an old SYN with an acknowledgement', () => {
    const { probe, guest, nat } = waiting();
    const answers = probe.send({ sequence: guest - 500, flags: syn });
    expect(answers).toMatchObject([{ flags: ack, acknowledgement: guest, sequence: nat }]);
    expect(probe.host.streams).toHaveLength(1);
  });

  it('makes room when the table is full', () => {
    const probe = new SegmentProbe({ limits: { maxFlowsPerNetwork: 1 } });
    const { guest, nat } = probe.open();
    probe.stream.send(Buffer.alloc(0), true);
    probe.send({ sequence: guest, acknowledgement: nat + 1, flags: ack | fin });
    probe.take();
    probe.send({ sequence: 99, flags: syn, guestPort: 555 });
    expect(probe.wait(1)).toMatchObject([{ flags: syn | ack, destinationPort: 555 }]);
    expect(probe.flows).toBe(1);
  });
});

describe('resets', () => {
  it('passes a reset of the host on at SND.NXT (section 3.5.2)', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.stream.send(text('abc'));
    probe.take();
    probe.stream.events.failed('ECONNRESET');
    expect(probe.take()).toMatchObject([{ flags: rst | ack, sequence: nat + 3, acknowledgement: guest }]);
    expect(probe.flows).toBe(0);
  });

  it('delivers what the host gave before it failed, then resets', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open({ mssBytes: 1000 }, 1000);
    probe.stream.send(Buffer.alloc(2500));
    expect(probe.take()).toHaveLength(1);
    probe.stream.events.failed('ECONNRESET');
    expect(probe.take()).toEqual([]);
    const more = probe.send({ sequence: guest, acknowledgement: nat + 1000, flags: ack, window: 5000 });
    expect(more.map(({ flags, payload }) => [flags, payload.length])).toEqual([
      [ack, 1000],
      [ack | psh, 500],
      [rst | ack, 0],
    ]);
    expect(more.at(-1)?.sequence).toBe(nat + 2500);
    expect(probe.flows).toBe(0);
  });

  it('resets a guest that writes to a host which closed and is gone', () => {
    const probe = new SegmentProbe();
    const { guest, nat } = probe.open();
    probe.stream.send(text('bye'), true);
    probe.send({ sequence: guest, acknowledgement: nat + 4, flags: ack });
    probe.send({ sequence: guest, acknowledgement: nat + 4, flags: ack, payload: text('anyone?') });
    probe.take();
    probe.stream.events.failed('EPIPE');
    expect(probe.take()).toMatchObject([{ flags: rst | ack, sequence: nat + 4 }]);
    expect(probe.flows).toBe(0);
  });

  it('gives up a host that failed while the guest takes nothing', () => {
    const probe = new SegmentProbe();
    probe.open({ mssBytes: 1000 }, 0);
    probe.stream.send(Buffer.alloc(2500));
    probe.stream.events.failed('ECONNRESET');
    expect(probe.wait(400_000).at(-1)?.flags).toBe(rst | ack);
    expect(probe.flows).toBe(0);
  });

  it('says nothing to guests of a network that goes', () => {
    const probe = new SegmentProbe();
    probe.open();
    probe.nat.forget(NETWORK.name);
    probe.link.flush();
    expect(probe.take()).toEqual([]);
    expect(probe.stream.wasReset).toBe(true);
    expect(probe.clock.pending).toBe(0);
  });
});
