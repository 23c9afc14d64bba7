/** Writing the project's own answers, with dns-packet as codec. The question is repeated byte for byte. */
import { type Answer, decode, encode, type OptAnswer } from 'dns-packet';
import {
  CLASSIC_UDP_BYTES,
  DNS_HEADER_BYTES,
  type DnsQuestion,
  emptyResponse,
  Rcode,
  RecordTypeCode,
  responseFlags,
  TRUNCATED_FLAG,
} from './message.js';
import type { LocalAnswer, LocalRecord } from './zone.js';

/** Machines come, go and move with an edit of the file: nobody shall remember for long. */
const LOCAL_TTL_SECONDS = 5;
/** What passes every network unfragmented; told in OPT, and the most that goes over UDP. */
const MAX_UDP_BYTES = 1232;
const MAX_TCP_BYTES = 65_535;
/** A query has no more records behind its question than OPT, TSIG and the like. */
const MAX_QUERY_RECORDS = 8;
/** RFC 6891 section 9: the extended rcode above the four bits of the header. */
const BADVERS_HIGH_BITS = 1;

/** EDNS of a query (RFC 6891). */
interface Edns {
  readonly udpBytes: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

/** The largest answer that the client of a query takes over UDP; 512 when it does not say. */
export function udpLimitOf(query: Buffer): number {
  const edns = readEdns(query);
  return edns === undefined || edns === 'malformed' ? CLASSIC_UDP_BYTES : edns.udpBytes;
}

/** @returns the answer; without records and with TC set when it does not fit the transport. */
export function localResponse(
  query: Buffer,
  question: DnsQuestion,
  answer: LocalAnswer,
  transport: 'udp' | 'tcp',
): Buffer {
  const edns = readEdns(query);
  if (edns === 'malformed') return emptyResponse(query, question, Rcode.formErr);
  const additionals = edns === undefined ? [] : [optOf(edns)];
  if (edns !== undefined && edns.version > 0)
    return write(query, question, Rcode.noError, [], [], additionals);
  const rcode = answer.exists ? Rcode.noError : Rcode.nxDomain;
  const answers = answer.records.map((record) => recordOf(question.name, record));
  const soa = answer.zone === undefined ? [] : [soaOf(answer.zone)];
  const asksForSoa = question.type === RecordTypeCode.soa && question.name === answer.zone;
  if (asksForSoa) answers.push(...soa);
  // RFC 2308 section 3: the SOA of a negative answer says how long it may be remembered.
  const authorities = answers.length === 0 ? soa : [];
  const response = write(query, question, rcode, answers, authorities, additionals);
  const limit =
    transport === 'tcp' ? MAX_TCP_BYTES : Math.min(edns?.udpBytes ?? CLASSIC_UDP_BYTES, MAX_UDP_BYTES);
  if (response.length <= limit) return response;
  const truncated = write(query, question, rcode, [], [], additionals);
  truncated.writeUInt16BE(truncated.readUInt16BE(2) | TRUNCATED_FLAG, 2);
  return truncated;
}

function readEdns(query: Buffer): Edns | 'malformed' | undefined {
  const additionalCount = query.readUInt16BE(10);
  if (query.readUInt32BE(6) !== 0 || additionalCount > MAX_QUERY_RECORDS) return 'malformed';
  if (additionalCount === 0) return undefined;
  try {
    const options = (decode(query).additionals ?? []).filter((record) => record.type === 'OPT');
    const [opt] = options;
    if (options.length > 1) return 'malformed';
    if (opt === undefined) return undefined;
    return {
      udpBytes: Math.max(opt.udpPayloadSize, CLASSIC_UDP_BYTES),
      version: opt.ednsVersion,
      dnssecOk: opt.flag_do,
    };
  } catch {
    return 'malformed';
  }
}

function optOf(edns: Edns): OptAnswer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: MAX_UDP_BYTES,
    extendedRcode: edns.version > 0 ? BADVERS_HIGH_BITS : 0,
    ednsVersion: 0,
    flags: edns.dnssecOk ? 0x8000 : 0,
    flag_do: edns.dnssecOk,
    options: [],
  };
}

function recordOf(name: string, record: LocalRecord): Answer {
  const common = { name, ttl: LOCAL_TTL_SECONDS, class: 'IN' } as const;
  return record.type === 'PTR'
    ? { ...common, type: 'PTR', data: record.target }
    : { ...common, type: record.type, data: record.address };
}

/** The SOA of a locally served zone, as RFC 6303 section 3 has it. */
function soaOf(zone: string): Answer {
  return {
    name: zone,
    type: 'SOA',
    ttl: LOCAL_TTL_SECONDS,
    class: 'IN',
    data: {
      mname: zone,
      rname: 'nobody.invalid',
      serial: 1,
      refresh: 3600,
      retry: 1200,
      expire: 604_800,
      minimum: LOCAL_TTL_SECONDS,
    },
  };
}

function write(
  query: Buffer,
  question: DnsQuestion,
  rcode: Rcode,
  answers: Answer[],
  authorities: Answer[],
  additionals: Answer[],
): Buffer {
  const records = encode({ type: 'response', answers, authorities, additionals });
  query.copy(records, 0, 0, 2);
  records.writeUInt16BE(responseFlags(query, rcode, true), 2);
  records.writeUInt16BE(1, 4);
  return Buffer.concat([
    records.subarray(0, DNS_HEADER_BYTES),
    query.subarray(DNS_HEADER_BYTES, question.end),
    records.subarray(DNS_HEADER_BYTES),
  ]);
}
