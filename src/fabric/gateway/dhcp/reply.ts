/** Building a reply: which options a client gets, and where RFC 2131 section 4.1 sends the message. */
import {
  BOOT_REPLY,
  BROADCAST_FLAG,
  DHCP_FIXED_BYTES,
  type DhcpMessage,
  DhcpMessageType,
  dhcpOptionBytes,
} from '../../../wire/dhcp.js';
import {
  type ClientFqdn,
  DhcpOption,
  decodeClientFqdn,
  encodeAddresses,
  encodeClientFqdn,
} from '../../../wire/dhcp-options.js';
import { BROADCAST_MAC, readMac } from '../../../wire/ethernet.js';
import { type DhcpSettings, leaseTimes } from './settings.js';

/** A message and where it goes: from the server's address and port 67 to port 68. */
export interface DhcpReply {
  readonly message: DhcpMessage;
  /** 48-bit number. */
  readonly destinationMac: number;
  readonly destinationAddress: number;
}

const BROADCAST_ADDRESS = 0xffffffff;
/** IPv4 and UDP headers: option 57 counts them (RFC 2132 section 9.10). */
const IP_UDP_HEADER_BYTES = 28;
/** What every client takes (RFC 2131 section 2). */
const DEFAULT_MAX_DATAGRAM_BYTES = 576;
const MAX_DATAGRAM_BYTES = 1500;

/** OFFER or ACK of an address for `leaseSeconds`. */
export function leaseReply(
  type: typeof DhcpMessageType.offer | typeof DhcpMessageType.ack,
  request: DhcpMessage,
  settings: DhcpSettings,
  address: number,
  leaseSeconds: number,
  rapidCommit = false,
): DhcpReply {
  const times = leaseTimes(leaseSeconds);
  const options = beginOptions(type, settings);
  const budget = new OptionBudget(request, options);
  budget.add(DhcpOption.leaseTime, times.get(DhcpOption.leaseTime));
  if (rapidCommit) budget.add(DhcpOption.rapidCommit, Buffer.alloc(0));
  addIdentity(budget, request, settings);
  addRequested(budget, request, settings, times);
  // RFC 2131 table 3: ciaddr is repeated only to a client that renews the address it has.
  const ciaddr = request.ciaddr === address ? address : 0;
  const message = replyTo(request, options, { yiaddr: address, ciaddr });
  return { message, ...destinationOf(message) };
}

/** ACK of an INFORM: settings only, no address and no times (RFC 2131 section 4.3.5). */
export function informReply(request: DhcpMessage, settings: DhcpSettings): DhcpReply {
  const options = beginOptions(DhcpMessageType.ack, settings);
  const budget = new OptionBudget(request, options);
  addIdentity(budget, request, settings);
  addRequested(budget, request, settings, new Map());
  const message = replyTo(request, options, { yiaddr: 0, ciaddr: request.ciaddr });
  return { message, ...destinationOf(message) };
}

/** NAK, always broadcast: the client may sit on another network's address (RFC 2131 section 4.3.2). */
export function nakReply(request: DhcpMessage, settings: DhcpSettings, reason: string): DhcpReply {
  const options = beginOptions(DhcpMessageType.nak, settings);
  const budget = new OptionBudget(request, options);
  budget.add(DhcpOption.message, Buffer.from(reason, 'latin1'));
  budget.add(DhcpOption.clientIdentifier, request.options.get(DhcpOption.clientIdentifier));
  const message = replyTo(request, options, { yiaddr: 0, ciaddr: 0 });
  return { message, destinationMac: BROADCAST_MAC, destinationAddress: BROADCAST_ADDRESS };
}

/** Options go in while they fit the client's maximum message size; what does not fit is left out. */
class OptionBudget {
  #freeBytes: number;

  constructor(
    request: DhcpMessage,
    private readonly options: Map<number, Buffer>,
  ) {
    const stated = request.options.get(DhcpOption.maximumMessageSize);
    const datagramBytes = stated?.length === 2 ? stated.readUInt16BE(0) : DEFAULT_MAX_DATAGRAM_BYTES;
    const usable = Math.min(Math.max(datagramBytes, DEFAULT_MAX_DATAGRAM_BYTES), MAX_DATAGRAM_BYTES);
    this.#freeBytes = usable - IP_UDP_HEADER_BYTES - DHCP_FIXED_BYTES;
    for (const value of options.values()) this.#freeBytes -= dhcpOptionBytes(value.length);
  }

  add(code: number, value: Buffer | undefined): void {
    if (value === undefined || this.options.has(code)) return;
    const bytes = dhcpOptionBytes(value.length);
    if (bytes > this.#freeBytes) return;
    this.#freeBytes -= bytes;
    this.options.set(code, value);
  }
}

function beginOptions(type: DhcpMessageType, settings: DhcpSettings): Map<number, Buffer> {
  return new Map([
    [DhcpOption.messageType, Buffer.from([type])],
    [DhcpOption.serverIdentifier, encodeAddresses(settings.serverAddress)],
  ]);
}

/** What answers something the client said of itself: options 61 (RFC 6842) and 81 (RFC 4702). */
function addIdentity(budget: OptionBudget, request: DhcpMessage, settings: DhcpSettings): void {
  budget.add(DhcpOption.clientIdentifier, request.options.get(DhcpOption.clientIdentifier));
  const asked = request.options.get(DhcpOption.clientFqdn);
  const fqdn = asked === undefined ? undefined : decodeClientFqdn(asked);
  if (fqdn === undefined) return;
  const decided = fqdnReply(fqdn, settings, machineOf(request, settings));
  if (decided !== undefined) budget.add(DhcpOption.clientFqdn, decided);
}

/** Asked options in the client's order (RFC 2132 section 9.8), the mask before the router (section 3.3). */
function addRequested(
  budget: OptionBudget,
  request: DhcpMessage,
  settings: DhcpSettings,
  times: ReadonlyMap<number, Buffer>,
): void {
  const list = request.options.get(DhcpOption.parameterRequestList);
  const machine = machineOf(request, settings);
  const valueOf = (code: number): Buffer | undefined => {
    if (code === DhcpOption.hostName)
      return machine === undefined ? undefined : Buffer.from(machine, 'latin1');
    return settings.options.get(code) ?? times.get(code);
  };
  const codes = list === undefined ? unaskedCodes(settings) : [...list];
  if (codes.includes(DhcpOption.subnetMask)) {
    budget.add(DhcpOption.subnetMask, valueOf(DhcpOption.subnetMask));
  }
  for (const code of codes) budget.add(code, valueOf(code));
}

/** For clients without a request list: all but the routes and search list, which RFC 3442 and 3397 clients ask for. */
function unaskedCodes(settings: DhcpSettings): number[] {
  const codes = [...settings.options.keys(), DhcpOption.hostName];
  return codes.filter((code) => code !== DhcpOption.classlessRoutes && code !== DhcpOption.domainSearch);
}

/** Our DNS names the machines of the file, whatever the client wished; other clients' names are in no DNS. */
function fqdnReply(
  asked: ClientFqdn,
  settings: DhcpSettings,
  machine: string | undefined,
): Buffer | undefined {
  const named = machine !== undefined && settings.domain !== undefined;
  const fqdn: ClientFqdn = {
    serverUpdates: named,
    serverOverrides: named !== asked.serverUpdates,
    wireEncoded: asked.wireEncoded,
    noUpdate: !named,
    name: named ? `${machine}.${settings.domain}` : asked.name,
  };
  try {
    return encodeClientFqdn(fqdn);
  } catch {
    return undefined; // the client's own name is no name
  }
}

function machineOf(request: DhcpMessage, settings: DhcpSettings): string | undefined {
  return settings.reservations.get(readMac(request.hardwareAddress, 0))?.machine;
}

function replyTo(
  request: DhcpMessage,
  options: ReadonlyMap<number, Buffer>,
  addresses: { readonly yiaddr: number; readonly ciaddr: number },
): DhcpMessage {
  return { ...request, op: BOOT_REPLY, hops: 0, secs: 0, siaddr: 0, giaddr: 0, ...addresses, options };
}

/** RFC 2131 section 4.1, for messages that came without a relay. */
function destinationOf(reply: DhcpMessage): { destinationMac: number; destinationAddress: number } {
  const clientMac = readMac(reply.hardwareAddress, 0);
  if (reply.ciaddr !== 0) return { destinationMac: clientMac, destinationAddress: reply.ciaddr };
  if ((reply.flags & BROADCAST_FLAG) !== 0) {
    return { destinationMac: BROADCAST_MAC, destinationAddress: BROADCAST_ADDRESS };
  }
  return { destinationMac: clientMac, destinationAddress: reply.yiaddr };
}
