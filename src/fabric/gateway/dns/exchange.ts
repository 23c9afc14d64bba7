/**
 * One query put to upstream servers, over UDP or TCP, until one of them answers.
 *
 * UDP: a connected socket of its own for each server, so that the kernel gives it a random port and drops what does not
 * come from that server (RFC 5452 section 9), and shows a refusal at once. The servers are tried in order, round and
 * round, every ATTEMPT_TIMEOUT_MS; earlier ones may still answer meanwhile. A server that answers SERVFAIL, REFUSED or
 * NOTIMP, or cannot be reached, is not asked again; its answer is kept for the case that no other does better.
 * TCP: one connection for the query, server after server.
 *
 * An answer counts when its id and question are those of the query, letters in any case. Nothing else of it is read.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createConnection } from 'node:net';
import { DNS_HEADER_BYTES, type DnsQuestion, isResponse, Rcode, rcodeOf, readQuestion } from './message.js';
import type { Upstream } from './upstream.js';

/** Time before the next server, or the same again, is asked, ms. */
export const ATTEMPT_TIMEOUT_MS = 900;
/** Datagrams a query sends at most; the last one waits as long as the others. In all less than the 5 s of resolvers. */
export const MAX_ATTEMPTS = 5;
/** Time for a server to take a connection and answer on it, ms. */
export const TCP_TIMEOUT_MS = 3000;

/** An answer and who gave it. */
export interface UpstreamAnswer {
  readonly bytes: Buffer;
  readonly upstream: Upstream;
}

/**
 * Whether bytes from an upstream server answer this query. A server that could not read the query may leave the
 * question out.
 */
export function answersQuery(bytes: Buffer, query: Buffer, question: DnsQuestion): boolean {
  if (bytes.length < DNS_HEADER_BYTES || !isResponse(bytes)) return false;
  if (bytes.readUInt16BE(0) !== query.readUInt16BE(0)) return false;
  if (bytes.readUInt16BE(4) === 0 && rcodeOf(bytes) === Rcode.formErr) return true;
  return readQuestion(bytes)?.key === question.key;
}

/** Whether another server may know better. */
function isRefusal(bytes: Buffer): boolean {
  const rcode = rcodeOf(bytes);
  return rcode === Rcode.servFail || rcode === Rcode.refused || rcode === Rcode.notImp;
}

/** @returns the first good answer, else the first refusal, else `undefined`: time-out, nobody there, or aborted. */
export function askOverUdp(
  query: Buffer,
  question: DnsQuestion,
  upstreams: readonly Upstream[],
  signal: AbortSignal,
): Promise<UpstreamAnswer | undefined> {
  return new Promise((resolve) => {
    /** Servers still worth asking, the next one first. */
    const waiting = [...upstreams];
    const sockets = new Map<Upstream, UdpSocket>();
    let refusal: UpstreamAnswer | undefined;
    let attempts = 0;
    let timer: NodeJS.Timeout | undefined;
    let settled = false;

    const settle = (answer: UpstreamAnswer | undefined): void => {
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      for (const socket of sockets.values()) socket.close();
      resolve(answer);
    };
    const abort = (): void => settle(undefined);
    const giveUpOn = (upstream: Upstream): void => {
      const index = waiting.indexOf(upstream);
      if (settled || index === -1) return;
      waiting.splice(index, 1);
      attempt();
    };
    const open = (upstream: Upstream): void => {
      const socket = createSocket(upstream.family === 4 ? 'udp4' : 'udp6');
      sockets.set(upstream, socket);
      socket.on('error', () => giveUpOn(upstream));
      socket.on('message', (bytes) => {
        if (settled || !answersQuery(bytes, query, question)) return;
        const answer = { bytes, upstream };
        if (!isRefusal(bytes)) return settle(answer);
        refusal ??= answer;
        giveUpOn(upstream);
      });
      // Without a callback of connect and send, every failure comes as `error`.
      socket.on('connect', () => socket.send(query));
      socket.connect(upstream.port, upstream.address);
    };
    const attempt = (): void => {
      clearTimeout(timer);
      const upstream = waiting.shift();
      if (upstream === undefined || attempts === MAX_ATTEMPTS) return settle(refusal);
      waiting.push(upstream);
      attempts++;
      const socket = sockets.get(upstream);
      if (socket === undefined) open(upstream);
      else socket.send(query);
      timer = setTimeout(attempt, ATTEMPT_TIMEOUT_MS);
    };

    if (signal.aborted) return resolve(undefined);
    signal.addEventListener('abort', abort);
    attempt();
  });
}

/** As over UDP, each server once. */
export async function askOverTcp(
  query: Buffer,
  question: DnsQuestion,
  upstreams: readonly Upstream[],
  signal: AbortSignal,
): Promise<UpstreamAnswer | undefined> {
  let refusal: UpstreamAnswer | undefined;
  for (const upstream of upstreams) {
    const bytes = await askOneOverTcp(query, question, upstream, signal);
    if (signal.aborted) return undefined;
    if (bytes === undefined) continue;
    if (!isRefusal(bytes)) return { bytes, upstream };
    refusal ??= { bytes, upstream };
  }
  return refusal;
}

function askOneOverTcp(
  query: Buffer,
  question: DnsQuestion,
  upstream: Upstream,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    const socket = createConnection({ host: upstream.address, port: upstream.port, noDelay: true });
    const received: Buffer[] = [];
    let receivedBytes = 0;
    const settle = (answer: Buffer | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(answer);
    };
    const abort = (): void => settle(undefined);
    const timer = setTimeout(abort, TCP_TIMEOUT_MS);
    signal.addEventListener('abort', abort);
    socket.on('error', abort);
    socket.on('close', abort);
    socket.on('connect', () => {
      const framed = Buffer.alloc(2 + query.length);
      framed.writeUInt16BE(query.length, 0);
      query.copy(framed, 2);
      socket.write(framed);
    });
    socket.on('data', (bytes) => {
      received.push(bytes);
      receivedBytes += bytes.length;
      if (receivedBytes < 2) return;
      const stream = Buffer.concat(received);
      const end = 2 + stream.readUInt16BE(0);
      if (stream.length < end) {
        received.splice(0, received.length, stream);
        return;
      }
      const answer = stream.subarray(2, end);
      settle(answersQuery(answer, query, question) ? answer : undefined);
    });
  });
}
