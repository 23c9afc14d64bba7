/**
 * The DHCPv6 server's decisions (RFC 8415 section 18.3): a message and the settings in, a reply out.
 *
 * Theory of operation. A machine of the file has one address on a network, decided by the file or by its MAC, so there
 * is nothing to keep: the same question always has the same answer, over restarts too. A machine is known by the MAC of
 * its frame, which the switch checks; only when the file does not have that MAC, by the one in its DUID (a bridge inside
 * a guest). Other clients form addresses by themselves (SLAAC) and get settings here, no address.
 *
 * The first IA_NA of a message gets the address. Further ones, temporary addresses and prefixes get the status that says
 * there are none. The server is the only one of its network, says so with preference 255, and takes rapid commit.
 */
import { ipv6Equals } from '../../../wire/address.js';
import { ipv6PrefixMatches } from '../../../wire/cidr.js';
import {
  type Dhcpv6Message,
  Dhcpv6MessageType,
  type Dhcpv6Option,
  encodeDhcpv6Options,
} from '../../../wire/dhcpv6.js';
import {
  Dhcpv6OptionCode as Code,
  decodeIaAddress,
  decodeIaNa,
  decodeOptionRequest,
  encodeIaAddress,
  encodeIaNa,
  encodeStatus,
  type IaNa,
  macOfDuid,
  Dhcpv6Status as Status,
} from '../../../wire/dhcpv6-options.js';
import type { Dhcpv6Settings } from './settings.js';

/** Why a message is refused without an answer. */
export type Dhcpv6Refusal = 'malformed' | 'other-server' | 'no-question';

export interface Outcome {
  readonly reply?: Dhcpv6Message;
  readonly refusal?: Dhcpv6Refusal;
  /** Its address, 16 bytes, that a machine found in use by another. */
  readonly conflict?: Uint8Array;
}

/** RFC 8415 section 11.1, bytes. */
const MAX_DUID_BYTES = 130;
/** Associations of one message that are answered; hosts have one or two. */
const MAX_ASSOCIATIONS = 8;
/** The client takes this server without waiting for others (RFC 8415 section 21.8). */
const HIGHEST_PREFERENCE = 255;
/** RFC 8415 section 21.4. */
const RENEW_FRACTION = 0.5;
const REBIND_FRACTION = 0.8;

/** @param sourceMac the sender of the frame, 48-bit number. */
export function negotiate(message: Dhcpv6Message, sourceMac: number, settings: Dhcpv6Settings): Outcome {
  const clientId = valueOf(message, Code.clientId);
  const serverId = valueOf(message, Code.serverId);
  if (serverId !== undefined && !serverId.equals(settings.serverId)) return { refusal: 'other-server' };
  if (message.type === Dhcpv6MessageType.informationRequest) return inform(message, settings);
  if (clientId === undefined || clientId.length === 0 || clientId.length > MAX_DUID_BYTES) {
    return { refusal: 'malformed' };
  }
  // Section 16: who names the server, and who must not.
  const namesServer = serverId !== undefined;
  const client: Client = { message, settings, address: addressOf(clientId, sourceMac, settings) };
  switch (message.type) {
    case Dhcpv6MessageType.solicit:
      return namesServer ? { refusal: 'malformed' } : solicit(client);
    case Dhcpv6MessageType.confirm:
      return namesServer ? { refusal: 'malformed' } : confirm(client);
    case Dhcpv6MessageType.rebind:
      return namesServer ? { refusal: 'malformed' } : answer(client, associations(client, extend));
    case Dhcpv6MessageType.request:
      return namesServer ? answer(client, associations(client, assign)) : { refusal: 'malformed' };
    case Dhcpv6MessageType.renew:
      return namesServer ? answer(client, associations(client, extend)) : { refusal: 'malformed' };
    case Dhcpv6MessageType.release:
      return namesServer
        ? answer(client, [encodeStatus(Status.success, 'released')])
        : { refusal: 'malformed' };
    case Dhcpv6MessageType.decline:
      return namesServer ? decline(client) : { refusal: 'malformed' };
    default:
      return { refusal: 'malformed' };
  }
}

/** One message with all that its answer depends on. */
interface Client {
  readonly message: Dhcpv6Message;
  readonly settings: Dhcpv6Settings;
  /** What the file gives the client; 16 bytes. */
  readonly address: Uint8Array | undefined;
}

function addressOf(clientId: Buffer, sourceMac: number, settings: Dhcpv6Settings): Uint8Array | undefined {
  const bySource = settings.reservations.get(sourceMac);
  const duidMac = macOfDuid(clientId);
  return bySource ?? (duidMac === undefined ? undefined : settings.reservations.get(duidMac));
}

function solicit(client: Client): Outcome {
  const { message } = client;
  const assigned = associations(client, assign);
  const hasAssociation = message.options.some(({ code }) => code === Code.iaNa);
  const commitsNow = valueOf(message, Code.rapidCommit) !== undefined;
  if (commitsNow && hasAssociation && client.address !== undefined) {
    return answer(client, [{ code: Code.rapidCommit, value: Buffer.alloc(0) }, ...assigned]);
  }
  const preference = { code: Code.preference, value: Buffer.from([HIGHEST_PREFERENCE]) };
  return answer(client, [preference, ...assigned], Dhcpv6MessageType.advertise);
}

/** Section 18.3.3: is the client still where its addresses belong? */
function confirm(client: Client): Outcome {
  const addresses = associationsOf(client.message).flatMap(addressesOf);
  if (addresses.length === 0) return { refusal: 'no-question' };
  const status = addresses.every((address) => isOnLink(address, client.settings))
    ? encodeStatus(Status.success, 'on link')
    : encodeStatus(Status.notOnLink, 'not on link');
  return answer(client, [status]);
}

function decline(client: Client): Outcome {
  const { address } = client;
  const declined = associationsOf(client.message).flatMap(addressesOf);
  const isTheirs = address !== undefined && declined.some((other) => ipv6Equals(other, 0, address));
  const outcome = answer(client, [encodeStatus(Status.success, 'declined')]);
  return isTheirs ? { ...outcome, conflict: address } : outcome;
}

/** Section 18.3.6. A question for an address does not belong in this message (section 16.12). */
function inform(message: Dhcpv6Message, settings: Dhcpv6Settings): Outcome {
  const asksForAddress = message.options.some(
    ({ code }) => code === Code.iaNa || code === Code.iaTa || code === Code.iaPd,
  );
  if (asksForAddress) return { refusal: 'malformed' };
  return answer({ message, settings, address: undefined }, []);
}

function answer(
  { message, settings }: Client,
  options: readonly Dhcpv6Option[],
  type: number = Dhcpv6MessageType.reply,
): Outcome {
  const clientId = valueOf(message, Code.clientId);
  const identity: Dhcpv6Option[] = [{ code: Code.serverId, value: settings.serverId }];
  if (clientId !== undefined) identity.unshift({ code: Code.clientId, value: clientId });
  const asked = new Set(decodeOptionRequest(valueOf(message, Code.optionRequest) ?? Buffer.alloc(0)));
  // The refresh time is for those who keep no lease that would bring them back (RFC 8415 section 21.23).
  if (message.type !== Dhcpv6MessageType.informationRequest) asked.delete(Code.informationRefreshTime);
  const told: Dhcpv6Option[] = [];
  for (const [code, value] of settings.options) if (asked.has(code)) told.push({ code, value });
  return {
    reply: { type, transactionId: message.transactionId, options: [...identity, ...options, ...told] },
  };
}

type Association = (ia: IaNa, address: Uint8Array | undefined, client: Client) => readonly Dhcpv6Option[];

/** Answers every association of the message, `decide` those for addresses. */
function associations(client: Client, decide: Association): Dhcpv6Option[] {
  const answers: Dhcpv6Option[] = [];
  let address = client.address;
  for (const { code, value } of client.message.options) {
    if (answers.length === MAX_ASSOCIATIONS) break;
    if (code === Code.iaNa) {
      const ia = decodeIaNa(value);
      if (ia === undefined) continue;
      answers.push(encodeIaNa({ ...ia, ...timesOf(client.settings), options: decide(ia, address, client) }));
      address = undefined;
    }
    if (code === Code.iaTa && value.length >= 4) {
      const status = encodeStatus(Status.noAddrsAvail, 'no temporary addresses');
      answers.push(unavailable(code, value.subarray(0, 4), status));
    }
    if (code === Code.iaPd && value.length >= 12) {
      const header = Buffer.alloc(12);
      value.copy(header, 0, 0, 4);
      answers.push(unavailable(code, header, encodeStatus(Status.noPrefixAvail, 'no prefixes')));
    }
  }
  return answers;
}

/** SOLICIT and REQUEST. */
const assign: Association = (ia, address, { settings, message }) => {
  const strays = addressesOf(ia).some((asked) => !isOnLink(asked, settings));
  if (strays && message.type === Dhcpv6MessageType.request)
    return [encodeStatus(Status.notOnLink, 'not on link')];
  if (address === undefined) return [encodeStatus(Status.noAddrsAvail, 'no address for this machine')];
  return [leaseOf(address, settings)];
};

/** RENEW and REBIND: addresses that are not theirs end now (sections 18.3.4 and 18.3.5). */
const extend: Association = (ia, address, { settings, message }) => {
  if (address === undefined && message.type === Dhcpv6MessageType.renew) {
    return [encodeStatus(Status.noBinding, 'no address for this machine')];
  }
  const ended = addressesOf(ia)
    .filter((held) => address === undefined || !ipv6Equals(held, 0, address))
    .slice(0, MAX_ASSOCIATIONS)
    .map((held) => encodeIaAddress({ address: held, preferredSeconds: 0, validSeconds: 0 }));
  return address === undefined ? ended : [leaseOf(address, settings), ...ended];
};

function leaseOf(address: Uint8Array, { leaseSeconds }: Dhcpv6Settings): Dhcpv6Option {
  return encodeIaAddress({ address, preferredSeconds: leaseSeconds, validSeconds: leaseSeconds });
}

function timesOf({ leaseSeconds }: Dhcpv6Settings): Pick<IaNa, 'renewSeconds' | 'rebindSeconds'> {
  return {
    renewSeconds: Math.floor(leaseSeconds * RENEW_FRACTION),
    rebindSeconds: Math.floor(leaseSeconds * REBIND_FRACTION),
  };
}

function unavailable(code: number, header: Buffer, status: Dhcpv6Option): Dhcpv6Option {
  return { code, value: Buffer.concat([header, encodeDhcpv6Options([status])]) };
}

function associationsOf(message: Dhcpv6Message): IaNa[] {
  return message.options.flatMap(({ code, value }) => (code === Code.iaNa ? (decodeIaNa(value) ?? []) : []));
}

function addressesOf(ia: IaNa): Uint8Array[] {
  return ia.options.flatMap(({ code, value }) =>
    code === Code.iaAddress ? (decodeIaAddress(value)?.address ?? []) : [],
  );
}

function isOnLink(address: Uint8Array, { prefix, prefixLength }: Dhcpv6Settings): boolean {
  return ipv6PrefixMatches(address, 0, prefix, prefixLength);
}

function valueOf(message: Dhcpv6Message, code: number): Buffer | undefined {
  return message.options.find((option) => option.code === code)?.value;
}
