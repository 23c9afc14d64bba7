import { type Address, formatAddress, parseAddress } from '../../wire/address.js';
import { type Cidr, cidrContains, cidrOf, cidrsOverlap, formatCidr, parseCidr } from '../../wire/cidr.js';
import { type FamilyNumber, familyName } from '../address/families.js';
import { type AddressRange, formatRange } from '../address/ranges.js';
import type { Fault, Parsed } from '../problems/fault.js';
import { quoted } from '../problems/wording.js';

const EXAMPLES = { 4: '10.10.10.0/24', 6: 'fd00:10:10::/64' } as const;

/** IPv4 blocks that no machine may have an address in (RFC 6890, RFC 1112). */
const UNUSABLE = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'];
/** IPv6 blocks likewise: unspecified and loopback, mapped IPv4, link-local, multicast (RFC 4291). */
const UNUSABLE_IPV6 = ['::/64', '::ffff:0:0/96', 'fe80::/10', 'ff00::/8'];

const UNUSABLE_BLOCKS = [...UNUSABLE, ...UNUSABLE_IPV6].flatMap((text) => parseCidr(text)?.block ?? []);

function badCidr(message: string, fix: string): { fault: Fault } {
  return { fault: { code: 'spec/bad-cidr', message, fix } };
}

/** Reads the subnet of a network. */
export function parseSubnet(text: string, family: FamilyNumber): Parsed<Cidr> {
  const example = EXAMPLES[family];
  const parsed = parseCidr(text);
  if (parsed === undefined) {
    const address = parseAddress(text);
    const around = address && formatCidr(cidrOf(address, address.family === 4 ? 24 : 64));
    return badCidr(
      `${quoted(text)} is not a subnet${address === undefined ? '' : ': the prefix length is missing'}`,
      `write ADDRESS/PREFIX, for example ${address?.family === family ? around : example}`,
    );
  }
  const { address, block: cidr } = parsed;
  if (cidr.family !== family) {
    return badCidr(
      `${text} is ${familyName(cidr.family)}, not ${familyName(family)}`,
      `write one such as ${example}`,
    );
  }
  if (address.value !== cidr.first) {
    const fix = `write ${formatCidr(cidr)}`;
    return { fault: { code: 'spec/host-bits-set', message: `${text} is an address inside its subnet`, fix } };
  }
  return usableSubnet(cidr, text);
}

/** A subnet that has room for a gateway and a machine, in addresses that machines may have. */
function usableSubnet(cidr: Cidr, text: string): Parsed<Cidr> {
  const { family, prefixLength } = cidr;
  if (family === 4 && (prefixLength < 8 || prefixLength > 30)) {
    const reason =
      prefixLength > 30
        ? 'has no room for a gateway and a machine'
        : 'takes in more than the network could be';
    return badCidr(`${text} ${reason}`, 'write a prefix length from /8 to /30, for example /24');
  }
  // RFC 4862, section 5.5.3: machines form their own addresses only under a prefix of 64 bits.
  if (family === 6 && prefixLength !== 64) {
    const meant = formatCidr(cidrOf({ family, value: cidr.first }, 64));
    return badCidr(
      `${text} is a /${prefixLength}, machines form their own addresses in a /64`,
      `write ${meant}`,
    );
  }
  const unusable = UNUSABLE_BLOCKS.find((block) => cidrsOverlap(block, cidr));
  if (unusable === undefined) return { value: cidr };
  return badCidr(
    `${text} lies in ${formatCidr(unusable)}, which is not for machines`,
    `write a private subnet such as ${EXAMPLES[family]}`,
  );
}

/** Reads a lone address. */
export function parseHostAddress(text: string, family?: FamilyNumber): Parsed<Address> {
  const address = parseAddress(text);
  if (address !== undefined && (family === undefined || address.family === family)) return { value: address };
  const bad = (message: string, fix: string) => ({ fault: { code: 'spec/bad-address', message, fix } });
  const example = family === 6 ? 'fd00:10:10::11' : '10.10.10.11';
  if (address !== undefined && family !== undefined) {
    return bad(
      `${text} is ${familyName(address.family)}, not ${familyName(family)}`,
      `write one such as ${example}`,
    );
  }
  const withPrefix = parseCidr(text)?.address;
  if (withPrefix !== undefined) {
    return bad(`${text} has a prefix length, the network knows it`, `write ${formatAddress(withPrefix)}`);
  }
  const kind = family === undefined ? 'IP' : familyName(family);
  return bad(`${quoted(text)} is not an ${kind} address`, `write one such as ${example}`);
}

/** Reads an address that the outside may know a machine by. */
export function parsePublicAddress(text: string, family?: FamilyNumber): Parsed<Address> {
  const parsed = parseHostAddress(text, family);
  if (!('value' in parsed)) return parsed;
  const unusable = UNUSABLE_BLOCKS.find((block) => cidrContains(block, parsed.value));
  if (unusable === undefined) return parsed;
  return {
    fault: {
      code: 'spec/bad-address',
      message: `${text} lies in ${formatCidr(unusable)}, and is nobody's address outside`,
      fix: `write one that is led to this host, such as ${parsed.value.family === 4 ? '192.0.2.70' : '2001:db8::70'}`,
    },
  };
}

/** Reads `FIRST-LAST`, two IPv4 addresses. */
export function parseAddressRange(text: string): Parsed<AddressRange> {
  const [first, last, ...more] = text.split('-').map((part) => parseAddress(part.trim()));
  const bad = (message: string, fix: string) => ({ fault: { code: 'spec/bad-range', message, fix } });
  if (first?.family !== 4 || last?.family !== 4 || more.length > 0) {
    return bad(
      `${quoted(text)} is not a range of IPv4 addresses`,
      'write FIRST-LAST, for example 10.10.10.100-10.10.10.199',
    );
  }
  if (last.value < first.value) {
    return bad(
      `the range ${text} runs backwards`,
      `write ${formatRange({ first: last.value, last: first.value }, 4)}`,
    );
  }
  return { value: { first: first.value, last: last.value } };
}
