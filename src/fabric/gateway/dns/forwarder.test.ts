import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import { type Answer, decode, encode } from 'dns-packet';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ATTEMPT_TIMEOUT_MS, MAX_ATTEMPTS } from './exchange.js';
import { Forwarder, MAX_QUERIES_IN_FLIGHT } from './forwarder.js';
import { readQuestion } from './message.js';
import type { Upstream } from './upstream.js';

const closers: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const close of closers.splice(0)) close();
});

type UdpBehaviour = (query: Buffer, from: RemoteInfo, socket: Socket) => Buffer | undefined;
type TcpBehaviour = (query: Buffer) => Buffer | undefined;

/** A name server on loopback; without a TCP behaviour nobody listens there. */
async function upstream(udp: UdpBehaviour, tcp?: TcpBehaviour): Promise<Upstream> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const answer = udp(query, from, socket);
    if (answer !== undefined) socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  closers.push(() => socket.close());
  const { port } = socket.address();
  if (tcp !== undefined) {
    const server = createServer((connection) => {
      closers.push(() => connection.destroy());
      connection.on('error', () => undefined);
      connection.on('data', (bytes) => {
        const answer = tcp(bytes.subarray(2));
        if (answer === undefined) {
          connection.destroy();
          return;
        }
        const framed = Buffer.alloc(2 + answer.length);
        framed.writeUInt16BE(answer.length, 0);
        answer.copy(framed, 2);
        // In two pieces, as the network may cut it.
        connection.write(framed.subarray(0, 5));
        setImmediate(() => connection.write(framed.subarray(5)));
      });
    });
    await listen(server, port);
    closers.push(() => server.close());
  }
  return { address: '127.0.0.1', port, family: 4 };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

/** A port of loopback where nobody is any more. */
async function closedPort(): Promise<Upstream> {
  const gone = await upstream(silent);
  closers.pop()?.();
  return gone;
}

function query(name = 'Www.Example.com'): Buffer {
  return encode({ id: 7, type: 'query', flags: 0x0100, questions: [{ name, type: 'A' }] });
}

function reply(to: Buffer, address: string, flags = 0x0180): Buffer {
  const { id, questions } = decode(to);
  const [question] = questions ?? [];
  const answers: Answer[] = [{ name: question?.name ?? '', type: 'A', ttl: 60, data: address }];
  return encode({
    type: 'response',
    ...(id === undefined ? {} : { id }),
    flags,
    questions: questions ?? [],
    answers,
  });
}

const rcode = (value: number) => 0x0180 | value;
const silent: UdpBehaviour = () => undefined;
const addressIn = (bytes: Buffer | undefined) =>
  bytes && decode(bytes).answers?.map((answer) => 'data' in answer && answer.data);

function ask(
  forwarder: Forwarder,
  bytes: Buffer,
  upstreams: readonly Upstream[],
  transport: 'udp' | 'tcp' = 'udp',
) {
  const question = readQuestion(bytes);
  if (question === undefined) throw new Error('the query has a question');
  return forwarder.ask(bytes, question, transport, upstreams);
}

describe('over UDP', () => {
  it('passes bytes both ways untouched but for the id, whatever type and records they carry', async () => {
    // Type 65 (HTTPS), and rubbish behind the question on both ways, that no codec would read.
    const bytes = Buffer.from(
      '0007010000010000000000ff03777777076578616d706c6503636f6d0000410001deadbeef',
      'hex',
    );
    const answerTail = Buffer.from('c0ffee', 'hex');
    const seen: Buffer[] = [];
    const server = await upstream((received) => {
      seen.push(received);
      const answer = Buffer.concat([received, answerTail]);
      answer.writeUInt16BE(0x8180, 2);
      return answer;
    });
    const answer = await ask(new Forwarder(), bytes, [server]);
    expect(seen[0]?.subarray(2)).toEqual(bytes.subarray(2));
    const expected = Buffer.concat([bytes, answerTail]);
    expected.writeUInt16BE(0x8180, 2);
    expect(answer).toEqual(expected);
  });

  it('uses ids and ports that cannot be guessed', async () => {
    const ids = new Set<number>();
    const ports = new Set<number>();
    const server = await upstream((received, from) => {
      ids.add(received.readUInt16BE(0));
      ports.add(from.port);
      return reply(received, '192.0.2.1');
    });
    const forwarder = new Forwarder();
    await Promise.all(Array.from({ length: 40 }, () => ask(forwarder, query(), [server])));
    expect(ids.size).toBeGreaterThan(35);
    expect(ports.size).toBeGreaterThan(35);
    expect(forwarder.queriesInFlight).toBe(0);
  });

  it('ignores a wrong id, a wrong question, a query, and an answer from another port', async () => {
    const spoofer = createSocket('udp4');
    closers.push(() => spoofer.close());
    const server = await upstream((received, from, socket) => {
      const right = reply(received, '192.0.2.1');
      const wrongId = reply(received, '192.0.2.66');
      wrongId.writeUInt16BE(received.readUInt16BE(0) ^ 1, 0);
      const wrongQuestion = reply(query('www.example.org'), '192.0.2.67');
      received.copy(wrongQuestion, 0, 0, 2);
      for (const bytes of [wrongId, wrongQuestion, received, Buffer.from('x')]) {
        socket.send(bytes, from.port, from.address);
      }
      spoofer.send(reply(received, '192.0.2.68'), from.port, '127.0.0.1', () => {
        socket.send(right, from.port, from.address);
      });
      return undefined;
    });
    expect(addressIn(await ask(new Forwarder(), query(), [server]))).toEqual(['192.0.2.1']);
  });

  it('asks the next server when one refuses or is not there, at once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const refusing = await upstream((received) => reply(received, '192.0.2.66', rcode(5)));
    const good = await upstream((received) => reply(received, '192.0.2.1'));
    const answer = await ask(new Forwarder(), query(), [await closedPort(), refusing, good]);
    expect(addressIn(answer)).toEqual(['192.0.2.1']);
  });

  it('passes the refusal on when nobody does better, and NXDOMAIN at once', async () => {
    const failing = await upstream((received) => reply(received, '192.0.2.66', rcode(2)));
    expect(addressIn(await ask(new Forwarder(), query(), [failing, await closedPort()]))).toEqual([
      '192.0.2.66',
    ]);
    const unknown = await upstream((received) => reply(received, '192.0.2.67', rcode(3)));
    const other = await upstream((received) => reply(received, '192.0.2.1'));
    expect(addressIn(await ask(new Forwarder(), query(), [unknown, other]))).toEqual(['192.0.2.67']);
  });

  it('has no answer when nobody listens, or there is nobody to ask', async () => {
    expect(await ask(new Forwarder(), query(), [await closedPort()])).toBeUndefined();
    expect(await ask(new Forwarder(), query(), [])).toBeUndefined();
  });

  it('asks the next server after a time-out, still hears the first, and avoids it afterwards', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asked: string[] = [];
    const arrivals = { first: () => undefined as void, second: () => undefined as void };
    const slow = await upstream((received, from, socket) => {
      asked.push('slow');
      arrivals.first();
      late = () => socket.send(reply(received, '192.0.2.2'), from.port, from.address);
      return undefined;
    });
    let late = (): void => undefined;
    const mute = await upstream(() => {
      asked.push('mute');
      arrivals.second();
      return undefined;
    });
    const good = await upstream((received) => {
      asked.push('good');
      return reply(received, '192.0.2.1');
    });
    const forwarder = new Forwarder();

    const slowAsked = new Promise<void>((resolve) => (arrivals.first = resolve));
    const muteAsked = new Promise<void>((resolve) => (arrivals.second = resolve));
    const answer = ask(forwarder, query(), [slow, mute, good]);
    await slowAsked;
    await vi.advanceTimersByTimeAsync(ATTEMPT_TIMEOUT_MS);
    await muteAsked;
    late();
    expect(addressIn(await answer)).toEqual(['192.0.2.2']);

    const muteAskedAgain = new Promise<void>((resolve) => (arrivals.second = resolve));
    const second = ask(forwarder, query(), [mute, good]);
    await muteAskedAgain;
    await vi.advanceTimersByTimeAsync(ATTEMPT_TIMEOUT_MS);
    expect(addressIn(await second)).toEqual(['192.0.2.1']);
    asked.length = 0;
    expect(addressIn(await ask(forwarder, query(), [mute, good]))).toEqual(['192.0.2.1']);
    expect(asked).toEqual(['good']);
  });

  it('gives up after its attempts', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let attempts = 0;
    let arrived = (): void => undefined;
    const server = await upstream(() => {
      attempts++;
      arrived();
      return undefined;
    });
    const answer = ask(new Forwarder(), query(), [server]);
    for (let count = 0; count < MAX_ATTEMPTS; count++) {
      if (attempts <= count) await new Promise<void>((resolve) => (arrived = resolve));
      await vi.advanceTimersByTimeAsync(ATTEMPT_TIMEOUT_MS);
    }
    expect(await answer).toBeUndefined();
    expect(attempts).toBe(MAX_ATTEMPTS);
  });
});

describe('truncation and TCP', () => {
  const truncatedFlag = 0x0380;
  const roomy = Buffer.concat([query('a.example'), Buffer.from('0000291000000000000000', 'hex')]);
  roomy.writeUInt16BE(1, 10);
  const longReply = (received: Buffer) => {
    const whole = reply(received, '192.0.2.1');
    return Buffer.concat([whole, Buffer.alloc(1000)]);
  };

  it('fetches over TCP what UDP cut, when the client has room for it', async () => {
    const server = await upstream((received) => reply(received, '192.0.2.66', truncatedFlag), longReply);
    const whole = await ask(new Forwarder(), roomy, [server]);
    expect(addressIn(whole)).toEqual(['192.0.2.1']);
    expect(whole?.length).toBeGreaterThan(1000);
    const small = await ask(new Forwarder(), query('a.example'), [server]);
    expect(addressIn(small)).toEqual(['192.0.2.66']);
    expect(small && decode(small).flag_tc).toBe(true);
  });

  it('passes the truncated answer on when there is no TCP', async () => {
    const server = await upstream((received) => reply(received, '192.0.2.66', truncatedFlag));
    expect(addressIn(await ask(new Forwarder(), roomy, [server]))).toEqual(['192.0.2.66']);
  });

  it('serves clients of TCP over TCP, server after server', async () => {
    const overTcp: TcpBehaviour = (received) => reply(received, '192.0.2.1');
    const udpOnly = await upstream((received) => reply(received, '192.0.2.66'));
    const closing = await upstream(silent, () => undefined);
    const lying = await upstream(silent, () => reply(query('www.example.org'), '192.0.2.67'));
    const failing = await upstream(silent, (received) => reply(received, '192.0.2.68', rcode(2)));
    const good = await upstream(silent, overTcp);
    const answer = await ask(new Forwarder(), query(), [udpOnly, closing, lying, failing, good], 'tcp');
    expect(addressIn(answer)).toEqual(['192.0.2.1']);
    expect(answer?.readUInt16BE(0)).toBe(7);
    expect(addressIn(await ask(new Forwarder(), query(), [failing, udpOnly], 'tcp'))).toEqual(['192.0.2.68']);
    expect(await ask(new Forwarder(), query(), [udpOnly, closing], 'tcp')).toBeUndefined();
  });
});

describe('bounds', () => {
  it('drops the oldest query for a new one, and all when it closes', async () => {
    const server = await upstream(silent);
    const forwarder = new Forwarder();
    const answers: (Buffer | 'nothing')[] = [];
    const queries = Array.from({ length: MAX_QUERIES_IN_FLIGHT + 10 }, async () => {
      answers.push((await ask(forwarder, query(), [server])) ?? 'nothing');
    });
    expect(forwarder.queriesInFlight).toBe(MAX_QUERIES_IN_FLIGHT);
    await Promise.all(queries.slice(0, 10));
    expect(answers).toEqual(Array(10).fill('nothing'));
    forwarder.close();
    await Promise.all(queries);
    expect(forwarder.queriesInFlight).toBe(0);
    expect(answers).toHaveLength(MAX_QUERIES_IN_FLIGHT + 10);
  });
});
