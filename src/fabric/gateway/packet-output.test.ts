import { describe, expect, it } from 'vitest';
import { ends4, ends6, ipFrame, network, packetOf, Stage } from '../../../test/fabric/gateway-stage.js';
import { IcmpType, Icmpv6Type, readIcmp, readIcmpv6 } from '../../wire/icmp.js';
import { readIpv4Header } from '../../wire/ipv4.js';
import { fragmentRanges, Ipv4Reassembler, writeIpv4Fragment } from '../../wire/ipv4-reassembly.js';
import { readIpv6Header } from '../../wire/ipv6.js';
import { Ipv6Reassembler } from '../../wire/ipv6-reassembly.js';
import type { GatewayLink } from './link.js';
import { sendOwn } from './packet-output.js';
import { icmpPacket } from './packets.js';

const TO_4 = ends4('10.0.0.1');
const TO_6 = ends6('fd00:0:0:1::1');

describe('large packets', () => {
  it('are put together from fragments, and answered in fragments', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const data = Buffer.alloc(4000, 0x37);
    const request = icmpPacket(TO_4, IcmpType.echoRequest, 0, 5, data);
    const header = readIpv4Header(request, 0, request.length)!;
    const fragments = fragmentRanges(header, 576).map((range) => {
      const fragment = Buffer.alloc(20 + range.payloadBytes);
      writeIpv4Fragment(fragment, 0, request, 0, header, range);
      return ipFrame(fragment);
    });
    const replies = stage.send(gateway, ...fragments);
    expect(replies).toHaveLength(3);
    const reassembler = new Ipv4Reassembler();
    const results = replies.map((frame) => {
      const packet = packetOf(frame);
      expect(packet.length).toBeLessThanOrEqual(1500);
      return reassembler.add(packet, 0, readIpv4Header(packet, 0, packet.length)!, 0);
    });
    const answer = results.at(-1)!;
    expect(readIcmp(answer, 20, answer.length)).toEqual({ type: IcmpType.echoReply, code: 0, rest: 5 });
    expect(answer.subarray(28)).toEqual(data);
    expect(gateway.heldFragmentBytes).toBe(0);
  });

  it('with IPv6 too', () => {
    const stage = new Stage();
    const gateway = stage.gateway();
    const data = Buffer.alloc(3000, 0x37);
    const request = icmpPacket(TO_6, Icmpv6Type.echoRequest, 0, 5, data);
    const link = new FragmentingLink();
    sendOwn(link, 0, request);
    expect(link.packets).toHaveLength(3);
    const replies = stage.send(gateway, ...link.packets.map((packet) => ipFrame(packet)));
    const reassembler = new Ipv6Reassembler();
    const results = replies.map((frame) => {
      const packet = packetOf(frame);
      expect(packet.length).toBeLessThanOrEqual(1500);
      const header = readIpv6Header(packet, 0, packet.length)!;
      return reassembler.add(packet, 0, header, header.fragment!, 0);
    });
    const answer = results.at(-1)!;
    expect(readIcmpv6(answer, 0, 40, answer.length)).toEqual({
      type: Icmpv6Type.echoReply,
      code: 0,
      rest: 5,
    });
    expect(answer.subarray(48)).toEqual(data);
  });
});

/** A link that keeps what is written to it: here, how the guest's own stack fragments. */
class FragmentingLink implements GatewayLink {
  readonly network = network();
  readonly packets: Buffer[] = [];
  bytes = Buffer.alloc(0);

  begin(_mac: number, _etherType: number, packetBytes: number): number {
    this.bytes = Buffer.alloc(packetBytes);
    this.packets.push(this.bytes);
    return 0;
  }

  flush(): void {}

  readonly isChecksumLeft = false;

  queuedBytes(): number {
    return 0;
  }

  offloadBytes(): number {
    return 0;
  }

  leave(): void {}

  resolve(): void {}

  isAbsent(): boolean {
    return false;
  }
}
