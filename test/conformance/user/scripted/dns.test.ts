/** DNS of a real fabric process: local names, and everything else passed on as it is. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { decode, encode, type Packet, type RecordType } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TcpFlag } from '../../../../src/wire/tcp.js';
import { udpPacket } from '../../../../src/fabric/gateway/packets.js';
import { ends4 } from '../../../fabric/gateway-stage.js';
import { GATEWAY, GUEST, GUEST_6, NatLab } from './nat-lab.js';

const RECURSION_DESIRED = 0x100;
const NXDOMAIN = 3;
const SERVFAIL = 2;
const TRUNCATED = 0x200;

let lab: NatLab;
/** A resolver that answers by the first label of the name, over UDP and TCP. */
const upstream = createSocket('udp4');
const upstreamTcp = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => {
    const answer = answerOf(bytes.subarray(2), true);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(answer.length);
    socket.end(Buffer.concat([length, answer]));
  });
});

function answerOf(query: Buffer, isTcp: boolean): Buffer {
  const { id, questions } = decode(query);
  const name = questions?.[0]?.name ?? '';
  const packet: Packet = {
    type: 'response',
    id: id ?? 0,
    flags: RECURSION_DESIRED,
    questions: questions ?? [],
  };
  const [label = ''] = name.split('.');
  if (label === 'absent') packet.flags = RECURSION_DESIRED | NXDOMAIN;
  if (label === 'broken') packet.flags = RECURSION_DESIRED | SERVFAIL;
  if (label === 'large' && !isTcp) packet.flags = RECURSION_DESIRED | TRUNCATED;
  if (label === 'large' && isTcp)
    packet.answers = Array.from({ length: 40 }, (_, index) => ({
      type: 'TXT',
      name,
      data: [`${index}`.padStart(60)],
    }));
  if (label === 'odd') packet.answers = [{ type: 'SRV', name, data: { port: 5060, target: 'sip.example' } }];
  return encode(packet);
}

beforeAll(async () => {
  upstream.on('message', (query, from) => upstream.send(answerOf(query, false), from.port, from.address));
  upstreamTcp.listen(0, '127.0.0.1');
  await once(upstreamTcp, 'listening');
  const { port } = upstreamTcp.address() as { port: number };
  upstream.bind(port, '127.0.0.1');
  await once(upstream, 'listening');
  lab = await NatLab.open({ dns: { domain: 'shop.internal', upstream: [`127.0.0.1:${port}`] } });
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  upstream.close();
  upstreamTcp.close();
});

let id = 0;

async function ask(
  name: string,
  type: RecordType = 'A',
  from = lab,
  more: Partial<Packet> = {},
): Promise<Packet> {
  id += 1;
  const wanted = id;
  const query = encode({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ type, name }], ...more });
  from.guest.send(udpPacket(ends4(GATEWAY), 5000 + id, 53, query));
  return from.guest.next((frame) => {
    const isAnswer =
      frame[23] === 17 && frame.readUInt16BE(34) === 53 && frame.readUInt16BE(36) === 5000 + wanted;
    return isAnswer ? decode(frame.subarray(42)) : undefined;
  }, `answer for ${name}`);
}

const dataOf = ({ answers = [] }: Packet): unknown[] =>
  answers.map((answer) => ('data' in answer ? answer.data : undefined));
const codeOf = (packet: Packet): unknown => (packet as { rcode?: unknown }).rcode;

describe('local names', () => {
  it.each([
    ['web1.shop.internal', 'A', GUEST],
    ['web1.shop.internal', 'AAAA', GUEST_6],
    ['11.0.0.10.in-addr.arpa', 'PTR', 'web1.shop.internal'],
  ] as const)('answers %s %s (RFC 1035 section 3.3, RFC 3596)', async (name, type, expected) => {
    const [data] = dataOf(await ask(name, type));
    if (type === 'AAAA')
      expect(new URL(`http://[${String(data)}]`).host).toBe(new URL(`http://[${expected}]`).host);
    else expect(data).toBe(expected);
  });

  it('tells a name without such records from no name (RFC 2308 section 2)', async () => {
    const none = await ask('web1.shop.internal', 'MX');
    expect([codeOf(none), none.answers]).toEqual(['NOERROR', []]);
    expect(codeOf(await ask('nobody.shop.internal'))).toBe('NXDOMAIN');
  });
});

describe('other names', () => {
  it('passes any type on and back (RFC 3597)', async () => {
    expect(dataOf(await ask('odd.example', 'SRV'))).toMatchObject([{ port: 5060, target: 'sip.example' }]);
  });

  it.each([
    ['empty.example', 'NOERROR'],
    ['absent.example', 'NXDOMAIN'],
    ['broken.example', 'SERVFAIL'],
  ])('keeps the answer for %s apart: %s (RFC 2308 section 2)', async (name, code) => {
    expect(codeOf(await ask(name))).toBe(code);
  });

  it('says that an answer is cut short, and gives all of it over TCP (RFC 7766 section 5)', async () => {
    expect(await ask('large.example', 'TXT')).toMatchObject({ flag_tc: true });
    const flow = lab.dial(53);
    await flow.open();
    const query = encode({
      type: 'query',
      id: 7,
      flags: RECURSION_DESIRED,
      questions: [{ type: 'TXT', name: 'large.example' }],
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    flow.send(TcpFlag.ack | TcpFlag.psh, { payload: Buffer.concat([length, query]) });
    const parts: Buffer[] = [];
    while (
      Buffer.concat(parts).length < 2 ||
      Buffer.concat(parts).length < 2 + Buffer.concat(parts).readUInt16BE(0)
    ) {
      const { payload, sequence } = await flow.next('answer', (one) => one.payload.length > 0);
      parts.push(payload);
      flow.acknowledgement = (sequence + payload.length) >>> 0;
      flow.send(TcpFlag.ack);
    }
    expect(decode(Buffer.concat(parts).subarray(2)).answers).toHaveLength(40);
  });

  it('fits what it says itself to the size a client takes (RFC 6891 section 6.2.5)', async () => {
    const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] } as never;
    const answer = await ask('web1.shop.internal', 'A', lab, { additionals: [opt] });
    expect(answer.additionals?.map(({ type }) => type)).toEqual(['OPT']);
  });

  it('knows local names while no upstream is there, and fails others (RFC 1035 section 4.1.1)', async () => {
    const alone = await NatLab.open({ dns: { domain: 'shop.internal', upstream: ['127.0.0.1:1'] } });
    try {
      expect(dataOf(await ask('web1.shop.internal', 'A', alone))).toEqual([GUEST]);
      expect(codeOf(await ask('www.example', 'A', alone))).toBe('SERVFAIL');
    } finally {
      await alone[Symbol.asyncDispose]();
    }
  });
});
