/**
 * The DHCPv4 server's decisions (RFC 2131 section 4.3): a message and what is known in, a reply and what changes out.
 *
 * Theory of operation. Clients are told apart by MAC, not by client identifier: the MAC is what the file names, what
 * the switch checks against spoofing, and what stays when a machine boots another system, while identifiers made from a
 * machine id are the same on every clone. The identifier is echoed (RFC 6842).
 *
 * The server is the only one of its network and answers with authority: a wrong address is refused at once with a NAK,
 * and a client that still holds a free address of the range which the table has forgotten gets it again.
 *
 * - A MAC of the file always and only gets its own address. Nothing is reserved by an OFFER to it.
 * - Any other MAC gets: the address it has or last had; else the one it asks for, if free; else a vacant one.
 * - An OFFER holds its address for OFFER_MS. A REQUEST turns it into a lease; a RELEASE ends the lease; a DECLINE keeps
 *   the address from everybody for QUARANTINE_MS.
 * - Relayed messages are refused: the gateway sits on the network itself.
 */
import {
  BOOT_REQUEST,
  type DhcpMessage,
  DhcpMessageType,
  HARDWARE_TYPE_ETHERNET,
} from '../../../wire/dhcp.js';
import { DhcpOption, decodeClientFqdn, decodeUint32 } from '../../../wire/dhcp-options.js';
import { isMulticastMac, readMac } from '../../../wire/ethernet.js';
import type { Lease, LeaseView } from './lease-table.js';
import { type DhcpReply, informReply, leaseReply, nakReply } from './reply.js';
import { type DhcpSettings, isPooled } from './settings.js';

/** Time a client has to take up an offer, ms. */
export const OFFER_MS = 10_000;
/** Time a declined address is left alone, ms. */
export const QUARANTINE_MS = 600_000;
/** A client may ask for less than the network's lease time, but not for less than this, seconds. */
const MIN_LEASE_SECONDS = 60;
const MAX_HOSTNAME_LENGTH = 63;

/** Why a message is refused without an answer. */
export type DhcpRefusal =
  | 'malformed'
  | 'relayed'
  | 'not-ethernet'
  | 'spoofed-mac'
  | 'not-theirs'
  | 'no-vacancy';

export interface Outcome {
  readonly reply?: DhcpReply;
  readonly refusal?: DhcpRefusal;
  /** An address that a machine found in use by another. */
  readonly conflict?: number;
  /** Entries to put in the table, in this order. */
  readonly changed: readonly Lease[];
}

/**
 * @param sourceMac the sender of the frame, checked by the switch: `chaddr` must be the same, so that nobody takes or
 * gives up another's address.
 */
export function negotiate(
  message: DhcpMessage,
  sourceMac: number,
  leases: LeaseView,
  settings: DhcpSettings,
  nowMs: number,
): Outcome {
  if (message.op !== BOOT_REQUEST) return refuse('malformed');
  if (message.giaddr !== 0) return refuse('relayed');
  if (message.hardwareType !== HARDWARE_TYPE_ETHERNET || message.hardwareAddress.length !== 6) {
    return refuse('not-ethernet');
  }
  const mac = readMac(message.hardwareAddress, 0);
  if (mac !== sourceMac || isMulticastMac(mac)) return refuse('spoofed-mac');
  const serverIdentifier = message.options.get(DhcpOption.serverIdentifier);
  if (serverIdentifier !== undefined && decodeUint32(serverIdentifier) !== settings.serverAddress) {
    return choseOtherServer(message, leases.ofMac(mac), nowMs);
  }
  const client: Client = { message, mac, leases, settings, nowMs };
  const type = message.options.get(DhcpOption.messageType);
  switch (type?.length === 1 ? type[0] : undefined) {
    case DhcpMessageType.discover:
      return discover(client);
    case DhcpMessageType.request:
      return request(client);
    case DhcpMessageType.decline:
      return decline(client);
    case DhcpMessageType.release:
      return release(client);
    case DhcpMessageType.inform:
      return inform(client);
    default:
      return refuse('malformed');
  }
}

/** One message with all that its decision depends on. */
interface Client {
  readonly message: DhcpMessage;
  readonly mac: number;
  readonly leases: LeaseView;
  readonly settings: DhcpSettings;
  readonly nowMs: number;
}

function refuse(refusal: DhcpRefusal): Outcome {
  return { refusal, changed: [] };
}

function choseOtherServer(message: DhcpMessage, lease: Lease | undefined, nowMs: number): Outcome {
  const type = message.options.get(DhcpOption.messageType)?.[0];
  const offerIsOff = type === DhcpMessageType.request && lease?.state === 'offered';
  return { changed: offerIsOff ? [{ ...lease, expiresAtMs: nowMs }] : [] };
}

function discover(client: Client): Outcome {
  const { message, mac, leases, settings, nowMs } = client;
  const address = addressFor(client);
  if (address === undefined) return refuse('no-vacancy');
  if (message.options.has(DhcpOption.rapidCommit)) return bind(client, address, true);
  const reply = leaseReply(DhcpMessageType.offer, message, settings, address, leaseSecondsFor(client));
  const held = leases.ofMac(mac);
  const needsNoHold =
    settings.reservations.has(mac) ||
    (held?.address === address && held.state === 'bound' && held.expiresAtMs > nowMs);
  if (needsNoHold) return { reply, changed: [] };
  return { reply, changed: [{ mac, address, state: 'offered', expiresAtMs: nowMs + OFFER_MS }] };
}

/** Section 4.3.2; the four states differ in which field carries the address. */
function request(client: Client): Outcome {
  const { message, settings } = client;
  const requested = decodeUint32(message.options.get(DhcpOption.requestedAddress));
  const selecting = message.options.has(DhcpOption.serverIdentifier);
  // SELECTING and INIT-REBOOT name the address in option 50, RENEWING and REBINDING in ciaddr.
  const address = selecting ? (requested ?? message.ciaddr) : message.ciaddr || (requested ?? 0);
  if (address === 0) return refuse('malformed');
  if ((address & settings.mask) >>> 0 !== settings.subnet) return nak(client, 'wrong network');
  return isGrantable(client, address) ? bind(client, address, false) : nak(client, 'address not available');
}

function bind(client: Client, address: number, rapidCommit: boolean): Outcome {
  const { message, mac, settings, nowMs } = client;
  const leaseSeconds = leaseSecondsFor(client);
  const hostname = hostnameOf(message) ?? settings.reservations.get(mac)?.machine;
  const lease: Lease = {
    mac,
    address,
    state: 'bound',
    expiresAtMs: nowMs + leaseSeconds * 1000,
    ...(hostname === undefined ? {} : { hostname }),
  };
  const reply = leaseReply(DhcpMessageType.ack, message, settings, address, leaseSeconds, rapidCommit);
  return { reply, changed: [lease] };
}

function nak(client: Client, reason: string): Outcome {
  return { reply: nakReply(client.message, client.settings, reason), changed: [] };
}

function decline({ message, mac, leases, settings, nowMs }: Client): Outcome {
  const address = decodeUint32(message.options.get(DhcpOption.requestedAddress));
  if (address === undefined) return refuse('malformed');
  // No other address would be right for a machine of the file, so its own is told to the log and offered again.
  if (settings.reservations.get(mac)?.address === address) return { conflict: address, changed: [] };
  const held = leases.at(address);
  if (held === undefined || held.mac !== mac || held.state === 'declined') return refuse('not-theirs');
  const quarantined: Lease = { mac, address, state: 'declined', expiresAtMs: nowMs + QUARANTINE_MS };
  return { conflict: address, changed: [quarantined] };
}

function release({ message, mac, leases, nowMs }: Client): Outcome {
  const held = leases.ofMac(mac);
  if (held === undefined || held.address !== message.ciaddr) return refuse('not-theirs');
  return { changed: held.expiresAtMs > nowMs ? [{ ...held, expiresAtMs: nowMs }] : [] };
}

function inform({ message, settings }: Client): Outcome {
  if (message.ciaddr === 0) return refuse('malformed');
  if ((message.ciaddr & settings.mask) >>> 0 !== settings.subnet) return refuse('not-theirs');
  return { reply: informReply(message, settings), changed: [] };
}

/** The address to offer (section 4.3.1). */
function addressFor(client: Client): number | undefined {
  const { message, mac, leases, settings, nowMs } = client;
  const reservation = settings.reservations.get(mac);
  if (reservation !== undefined) return reservation.address;
  const held = leases.ofMac(mac);
  if (held !== undefined && isPooled(settings.pool, held.address)) return held.address;
  const requested = decodeUint32(message.options.get(DhcpOption.requestedAddress));
  if (requested !== undefined && isGrantable(client, requested)) return requested;
  return leases.vacant(mac, nowMs);
}

/** Whether this client may have this address now. */
function isGrantable({ mac, leases, settings, nowMs }: Client, address: number): boolean {
  const reservation = settings.reservations.get(mac);
  if (reservation !== undefined) return reservation.address === address;
  if (!isPooled(settings.pool, address)) return false;
  const holder = leases.at(address);
  if (holder === undefined || holder.expiresAtMs <= nowMs) return true;
  return holder.mac === mac && holder.state !== 'declined';
}

function leaseSecondsFor({ message, settings }: Client): number {
  const wished = decodeUint32(message.options.get(DhcpOption.leaseTime)) ?? settings.leaseSeconds;
  return Math.min(Math.max(wished, MIN_LEASE_SECONDS), settings.leaseSeconds);
}

/** The client's first label, when it is one (RFC 1123 section 2.1). */
function hostnameOf(message: DhcpMessage): string | undefined {
  const fqdn = message.options.get(DhcpOption.clientFqdn);
  const name =
    message.options.get(DhcpOption.hostName)?.toString('latin1') ??
    (fqdn === undefined ? undefined : decodeClientFqdn(fqdn)?.name);
  const label = name?.split('.')[0]?.toLowerCase();
  if (label === undefined || label.length > MAX_HOSTNAME_LENGTH) return undefined;
  return /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(label) ? label : undefined;
}
