/**
 * Questions passed on: with an id of our own, unread otherwise, and bounded in number.
 *
 * A client over UDP gets what UDP upstream brings. When that is truncated the same server is asked over TCP, and the
 * whole answer goes to the client if its UDP limit has room for it; if not it gets the truncated one, and comes back
 * over TCP. A client over TCP is served over TCP.
 */
import { randomInt } from 'node:crypto';
import { askOverTcp, askOverUdp, type UpstreamAnswer } from './exchange.js';
import { udpLimitOf } from './local-response.js';
import { type DnsQuestion, isTruncated } from './message.js';
import type { Upstream } from './upstream.js';

/** Queries under way, each with a socket for each of its servers. The oldest gives way to a new one. */
export const MAX_QUERIES_IN_FLIGHT = 256;
/** A server that let a query down is asked last for this time, ms. */
const AVOID_MS = 10_000;

export class Forwarder {
  /** Oldest first. */
  readonly #inFlight = new Set<AbortController>();
  /** Until when a server is asked last, by address and port. */
  readonly #avoidUntilMs = new Map<string, number>();

  get queriesInFlight(): number {
    return this.#inFlight.size;
  }

  /** @returns the answer under the query's own id; `undefined` when no server gave one, or the query was dropped. */
  async ask(
    query: Buffer,
    question: DnsQuestion,
    transport: 'udp' | 'tcp',
    upstreams: readonly Upstream[],
  ): Promise<Buffer | undefined> {
    if (upstreams.length === 0) return undefined;
    const [oldest] = this.#inFlight;
    if (oldest !== undefined && this.#inFlight.size >= MAX_QUERIES_IN_FLIGHT) {
      this.#inFlight.delete(oldest);
      oldest.abort();
    }
    const controller = new AbortController();
    this.#inFlight.add(controller);
    try {
      const outgoing = Buffer.from(query);
      outgoing.writeUInt16BE(randomInt(0x10000), 0);
      const ordered = this.#inOrder(upstreams);
      const answer =
        transport === 'tcp'
          ? await askOverTcp(outgoing, question, ordered, controller.signal)
          : await this.#askOverUdp(outgoing, question, ordered, controller.signal);
      if (!controller.signal.aborted) this.#judge(ordered, answer);
      if (answer === undefined) return undefined;
      const bytes = Buffer.from(answer.bytes);
      query.copy(bytes, 0, 0, 2);
      return bytes;
    } finally {
      this.#inFlight.delete(controller);
    }
  }

  /** Drops every query under way. */
  close(): void {
    for (const controller of this.#inFlight) controller.abort();
    this.#inFlight.clear();
  }

  async #askOverUdp(
    query: Buffer,
    question: DnsQuestion,
    upstreams: readonly Upstream[],
    signal: AbortSignal,
  ): Promise<UpstreamAnswer | undefined> {
    const answer = await askOverUdp(query, question, upstreams, signal);
    if (answer === undefined || !isTruncated(answer.bytes)) return answer;
    const whole = await askOverTcp(query, question, [answer.upstream], signal);
    const fits = whole !== undefined && whole.bytes.length <= udpLimitOf(query);
    return fits ? whole : answer;
  }

  #inOrder(upstreams: readonly Upstream[]): readonly Upstream[] {
    const nowMs = performance.now();
    const isAvoided = (upstream: Upstream) => (this.#avoidUntilMs.get(keyOf(upstream)) ?? 0) > nowMs;
    return [
      ...upstreams.filter((upstream) => !isAvoided(upstream)),
      ...upstreams.filter((upstream) => isAvoided(upstream)),
    ];
  }

  /** Servers that stood before the one that answered let the query down. */
  #judge(asked: readonly Upstream[], answer: UpstreamAnswer | undefined): void {
    const nowMs = performance.now();
    for (const [key, untilMs] of this.#avoidUntilMs) if (untilMs <= nowMs) this.#avoidUntilMs.delete(key);
    for (const upstream of asked) {
      if (upstream === answer?.upstream) {
        this.#avoidUntilMs.delete(keyOf(upstream));
        return;
      }
      this.#avoidUntilMs.set(keyOf(upstream), nowMs + AVOID_MS);
    }
  }
}

function keyOf({ address, port }: Upstream): string {
  return `${address} ${port}`;
}
