/**
 * Every parser of what other programs, the kernel and files say: damaged input never makes one fail in a way it does not
 * declare. (Those of guests' bytes: src/wire/hostile-bytes.test.ts and beside the code; coverage.test.ts counts.)
 */
import { describe, expect } from 'vitest';
import { parseBlocks } from '../../src/clients/dnsmasq/config-blocks.js';
import { parseDhclientLeases, parseNetworkdLease } from '../../src/clients/dhcp-leases/leased-routers.js';
import { parseLeases } from '../../src/clients/dnsmasq/leases.js';
import { AnswerLines } from '../../src/clients/fabric/answer-lines.js';
import { parseAddresses, parseLinks, parseListing } from '../../src/clients/iproute/links.js';
import { parseFloodTargets } from '../../src/clients/iproute/flood-targets.js';
import { parseNeighbourProxies } from '../../src/clients/iproute/neighbours.js';
import { parseDeviceRoutes, parseMarkedRoutes, parseRoutes } from '../../src/clients/iproute/routes.js';
import { parseDeviceRules } from '../../src/clients/iproute/rules.js';
import { parseListing as parseNftListing } from '../../src/clients/nft/listing.js';
import { parseTraceLine } from '../../src/clients/nft/trace-line.js';
import { JsonStream, JsonStreamError } from '../../src/clients/ovsdb/json-stream.js';
import { DatumError, readDatum, readRow } from '../../src/clients/ovsdb/datum.js';
import { parseRemote } from '../../src/clients/ovsdb/remote.js';
import { parseSchema, type TableSchema } from '../../src/clients/ovsdb/schema.js';
import { readResults } from '../../src/clients/ovsdb/transaction.js';
import { parseSocketTable } from '../../src/clients/procnet/listening-sockets.js';
import { QmpConnectionError } from '../../src/clients/qmp/message.js';
import { MessageReader } from '../../src/clients/qmp/message-reader.js';
import { parseSettings } from '../../src/clients/sysctl/sysctl.js';
import { ManagementReader } from '../../src/clients/vde/management-reader.js';
import { PcapReader, PcapStreamError } from '../../src/wire/pcap.js';
import { QEMU_FRAMING, StreamFrameReader } from '../../src/wire/vde-stream.js';
import { parseIdentity, parsePortTable, parseSetting, parseVlanTable } from '../../src/clients/vde/tables.js';
import { parseFlowWalk } from '../../src/engines/open-vswitch/trace/flow-walk.js';
import { parseDump } from '../../src/engines/ovs/flows/flow-text.js';
import { parseMeters } from '../../src/engines/ovs/flows/meters.js';
import { parsePlugUrl } from '../../src/engines/vde/plug-url.js';
import { PasserelleError } from '../../src/errors.js';
import { LineReader } from '../../src/fabric/control/line-reader.js';
import { parseParams } from '../../src/fabric/control/schema.js';
import { parseResolvConf, parseUpstream } from '../../src/fabric/gateway/dns/upstream.js';
import {
  readHeader,
  readMemoryTable,
  readU64,
  readVringAddresses,
  readVringDescriptor,
  readVringState,
  VHOST_HEADER_BYTES,
  VhostRequest,
} from '../../src/fabric/ports/vhost-user/message.js';
import {
  parseIpRouteJson,
  parseIpv4Routes,
  parseIpv6Addresses,
  parseIpv6Routes,
} from '../../src/topology/host-routes.js';
import { parseRememberedChoices } from '../../src/topology/remembered.js';
import { parseVdeRequest, VDE_REQUEST_BYTES } from '../../src/wire/vde-control.js';
import { readVirtioNetHeader } from '../../src/wire/virtio-net-header.js';
import { Random } from '../fabric/nat/random.js';
import { damaged } from './damage.js';
import { fuzz } from './fuzz.js';
import { SAMPLES } from './samples.js';

type Parser = readonly [sample: string | Buffer, parse: (text: string, bytes: Buffer) => unknown];
/** What a parser may throw, by its doc comment. */
type Declared = abstract new (...words: never[]) => Error;

const LINE_BOUND_BYTES = 4096;
const json = (text: string): never => JSON.parse(text) as never;
const OVSDB_TABLE: TableSchema = new Map([['name', { key: 'string', min: 1, max: 1 }]]);
const noFrame = (): void => undefined;
const lines = (text: string): string[] => text.split('\n');

/** struct request_v3 of vde2: a port, with the path of the client's data socket. */
const VDE_REQUEST = Buffer.alloc(VDE_REQUEST_BYTES);
VDE_REQUEST.writeUInt32LE(0xfeedface, 0);
VDE_REQUEST.writeUInt32LE(3, 4);
VDE_REQUEST.writeUInt16LE(1, 12);
VDE_REQUEST.write('/run/client.sock', 14);

/** A libpcap stream with one frame of a byte. */
const PCAP = Buffer.alloc(24 + 16 + 1);
PCAP.writeUInt32LE(0xa1b2c3d4, 0);
PCAP.writeUInt32LE(1, 24 + 8);

/** SET_MEM_TABLE with one region. */
const VHOST_MEMORY_TABLE = Buffer.alloc(VHOST_HEADER_BYTES + 40);
VHOST_MEMORY_TABLE.writeUInt32LE(VhostRequest.setMemoryTable, 0);
VHOST_MEMORY_TABLE.writeUInt32LE(1, 4);
VHOST_MEMORY_TABLE.writeUInt32LE(40, 8);
VHOST_MEMORY_TABLE.writeUInt32LE(1, VHOST_HEADER_BYTES);

/** The header, and the payload as each kind of message reads it. */
function readVhostUser(bytes: Buffer): void {
  readHeader(bytes);
  const payload = bytes.subarray(VHOST_HEADER_BYTES);
  readVringState(payload);
  readVringDescriptor(payload);
  readU64(payload);
  readVringAddresses(payload);
  readMemoryTable(payload);
}

function readOffload(bytes: Buffer): boolean {
  const offload = { checksumStart: 0, checksumOffset: 0, gsoSize: 0, gsoType: 0, headerBytes: 0 };
  return readVirtioNetHeader(bytes, 0, offload);
}

const PARSERS: Readonly<Record<string, Parser>> = {
  'resolv.conf': [SAMPLES.resolvConf, parseResolvConf],
  'a DNS upstream': [SAMPLES.upstream, parseUpstream],
  '/proc/net/route': [SAMPLES.ipv4Routes, parseIpv4Routes],
  '/proc/net/ipv6_route': [SAMPLES.ipv6Routes, parseIpv6Routes],
  '/proc/net/if_inet6': [SAMPLES.ipv6Addresses, parseIpv6Addresses],
  'routes for the choice of subnets': [SAMPLES.ipRouteJson, parseIpRouteJson],
  '/proc/net/tcp': [SAMPLES.socketTable, (text) => parseSocketTable(text, 'tcp')],
  '/proc/net/udp': [SAMPLES.socketTable, (text) => parseSocketTable(text, 'udp')],
  sysctl: [SAMPLES.sysctl, parseSettings],
  "dnsmasq's leases": [SAMPLES.dnsmasqLeases, parseLeases],
  'nft monitor trace': [SAMPLES.nftTrace, (text) => lines(text).map(parseTraceLine)],
  'nft -j': [SAMPLES.nftListing, parseNftListing],
  'ip -j link': [SAMPLES.ipLinks, (text) => parseLinks(parseListing(text))],
  'ip -j address': [SAMPLES.ipLinks, (text) => parseAddresses(parseListing(text))],
  'ip -j route': [SAMPLES.ipRoutes, (text) => parseRoutes(parseListing(text), 4)],
  'ip -j route of a protocol': [SAMPLES.ipRoutes, (text) => parseMarkedRoutes(parseListing(text), 6)],
  'ip -j rule': [SAMPLES.ipRules, (text) => parseDeviceRules(parseListing(text), 4)],
  'bridge -j fdb show': [SAMPLES.bridgeFdb, (text) => parseFloodTargets(parseListing(text))],
  'ip -j neigh show proxy': [SAMPLES.ipNeighbours, (text) => parseNeighbourProxies(parseListing(text))],
  "networkd's lease": [SAMPLES.networkdLease, parseNetworkdLease],
  "dhclient's leases": [SAMPLES.dhclientLeases, (text) => parseDhclientLeases(text, 'eth1')],
  'ip -j route of a device': [SAMPLES.ipRoutes, (text) => parseDeviceRoutes(parseListing(text), 6, 'eth0')],
  QMP: [SAMPLES.qmp, (_, bytes) => new MessageReader().push(bytes)],
  "OVSDB's remote": [SAMPLES.ovsdbRemote, parseRemote],
  "OVSDB's schema": [SAMPLES.ovsdbSchema, (text) => parseSchema(json(text))],
  'an OVSDB row': [SAMPLES.ovsdbRow, (text) => readRow(json(text), OVSDB_TABLE)],
  'an OVSDB datum': [SAMPLES.ovsdbDatum, (text) => readDatum(json(text), { key: 'string', min: 0, max: 5 })],
  "OVSDB's results": [SAMPLES.ovsdbResults, (text) => readResults(json(text), [])],
  "our blocks in dnsmasq's files": [SAMPLES.dnsmasqBlocks, (text) => parseBlocks(text, () => ['a=1'])],
  "OVSDB's stream": [SAMPLES.ovsdbStream, (_, bytes) => new JsonStream().push(bytes)],
  'dump-flows': [SAMPLES.flowDump, parseDump],
  'ofproto/trace': [SAMPLES.flowWalk, parseFlowWalk],
  'dump-meters': [SAMPLES.meterDump, parseMeters],
  "vde_switch's ports": [SAMPLES.vdePorts, (text) => parsePortTable(lines(text))],
  "vde_switch's VLANs": [SAMPLES.vdeVlans, (text) => parseVlanTable(lines(text))],
  "vde_switch's identity": [SAMPLES.vdePorts, (text) => parseIdentity(lines(text))],
  "vde_switch's settings": [SAMPLES.vdePorts, (text) => parseSetting(lines(text), 'Port')],
  "vde_switch's management": [SAMPLES.vdeManagement, (_, bytes) => new ManagementReader().push(bytes)],
  "dumpcap's frames": [PCAP, (_, bytes) => new PcapReader().push(bytes)],
  "vde_plug's frames": [SAMPLES.streamFrames, (_, bytes) => new StreamFrameReader(noFrame).push(bytes)],
  'stream frames': [
    SAMPLES.streamFrames,
    (_, bytes) => new StreamFrameReader(noFrame, QEMU_FRAMING).push(bytes),
  ],
  'a plug URL': [SAMPLES.plugUrl, parsePlugUrl],
  'a VDE request': [VDE_REQUEST, (_, bytes) => parseVdeRequest(bytes)],
  'a vhost-user message': [VHOST_MEMORY_TABLE, (_, bytes) => readVhostUser(bytes)],
  'a virtio-net header': [Buffer.from('0101360036052200100000', 'hex'), (_, bytes) => readOffload(bytes)],
  'remembered choices': [SAMPLES.remembered, (text) => parseRememberedChoices(json(text))],
  'control requests': [SAMPLES.controlLines, (_, bytes) => new LineReader(LINE_BOUND_BYTES).read(bytes)],
  'control parameters': [SAMPLES.applyParams, (text) => parseParams('apply', json(text))],
  "the fabric's answers": [SAMPLES.answerLines, (_, bytes) => [...new AnswerLines().read(bytes)]],
};

/** SyntaxError is JSON's, RangeError a reader's whose bound is passed. */
const DECLARED: readonly Declared[] = [
  PasserelleError,
  SyntaxError,
  RangeError,
  DatumError,
  JsonStreamError,
  PcapStreamError,
  QmpConnectionError,
];

describe('damaged input', () => {
  for (const [name, [sample, parse]] of Object.entries(PARSERS)) {
    fuzz(`of ${name}`, [1, 2], (seed) => {
      const random = new Random(seed);
      // The good input is read, so that the damage reaches deep.
      const good = typeof sample === 'string' ? Buffer.from(sample) : sample;
      parse(good.toString(), good);
      for (let round = 0; round < 300; round++) {
        const bytes = damaged(good, random);
        const startedAtMs = Date.now();
        try {
          parse(bytes.toString(), bytes);
        } catch (error) {
          if (!DECLARED.some((kind) => error instanceof kind)) throw error;
        }
        expect(Date.now() - startedAtMs, 'no input of a few kB takes seconds').toBeLessThan(2000);
      }
    });
  }
});
