/**
 * The DNS server behind every gateway of the fabric.
 *
 * Names of the project are answered here (`zone.ts`); everything else goes upstream as it came, any type, and comes
 * back as it came. Upstream are the network's own servers, else the host's resolvers as they are at that moment. With
 * none, or none that answers, the client hears SERVFAIL.
 */
import type { FabricConfiguration } from '../../control/protocol.js';
import { Forwarder } from './forwarder.js';
import { localResponse } from './local-response.js';
import {
  CLASS_ANY,
  CLASS_IN,
  DNS_HEADER_BYTES,
  type DnsQuestion,
  emptyResponse,
  isResponse,
  opcodeOf,
  Rcode,
  RecordTypeCode,
  readQuestion,
} from './message.js';
import { HostResolvers, parseUpstream, type Upstream } from './upstream.js';
import { Zone } from './zone.js';

export class DnsServer {
  readonly #hostResolvers: Pick<HostResolvers, 'current'>;
  readonly #forwarder = new Forwarder();
  #zone = new Zone({ networks: [], ports: [] });
  /** Networks that have a name server, and where each asks. */
  #upstreams = new Map<string, readonly Upstream[] | 'host'>();
  #closed = false;

  constructor(hostResolvers: Pick<HostResolvers, 'current'> = new HostResolvers()) {
    this.#hostResolvers = hostResolvers;
  }

  /** What the fabric was told, after each change; holds from the next query on. */
  configure(configuration: Pick<FabricConfiguration, 'networks' | 'ports'>): void {
    this.#zone = new Zone(configuration);
    this.#upstreams = new Map();
    for (const { name, dns } of configuration.networks) {
      if (dns === undefined) continue;
      const named = dns.upstream.flatMap((text) => parseUpstream(text) ?? []);
      this.#upstreams.set(name, dns.upstream.length === 0 ? 'host' : named);
    }
  }

  /** Whether the network has a name server at all. */
  serves(networkName: string): boolean {
    return this.#upstreams.has(networkName);
  }

  /**
   * @param query one DNS message, without the length of TCP; not kept beyond the call, and not changed.
   * @param network the asker's.
   * @returns the answer; `undefined` when none is due: no query, no such network, closed.
   */
  async handle(query: Buffer, transport: 'udp' | 'tcp', network: string): Promise<Buffer | undefined> {
    const upstreams = this.#upstreams.get(network);
    if (this.#closed || upstreams === undefined) return undefined;
    if (query.length < DNS_HEADER_BYTES || isResponse(query)) return undefined;
    if (opcodeOf(query) !== 0) return emptyResponse(query, readQuestion(query), Rcode.notImp);
    const question = readQuestion(query);
    if (question === undefined) return emptyResponse(query, undefined, Rcode.formErr);
    // A zone transfer is a stream of messages, which one query and one answer cannot carry.
    if (question.type === RecordTypeCode.axfr) return emptyResponse(query, question, Rcode.refused);
    const verdict = this.#zone.lookup(question.name, question.type, network);
    if (verdict === 'refused') return emptyResponse(query, question, Rcode.refused);
    if (verdict === 'upstream') return this.#forward(Buffer.from(query), question, transport, upstreams);
    const isInternet = question.class === CLASS_IN || question.class === CLASS_ANY;
    if (!isInternet) return emptyResponse(query, question, Rcode.refused);
    return localResponse(query, question, verdict, transport);
  }

  /** Drops what is under way; later queries get no answer. */
  close(): void {
    this.#closed = true;
    this.#forwarder.close();
  }

  async #forward(
    query: Buffer,
    question: DnsQuestion,
    transport: 'udp' | 'tcp',
    configured: readonly Upstream[] | 'host',
  ): Promise<Buffer | undefined> {
    const upstreams = configured === 'host' ? this.#hostResolvers.current() : configured;
    const answer = await this.#forwarder.ask(query, question, transport, upstreams);
    if (this.#closed) return undefined;
    return answer ?? emptyResponse(query, question, Rcode.servFail);
  }
}
