import { quoted } from '../problems/wording.js';
import type { Parsed } from '../problems/fault.js';

const EXAMPLE = '52:54:00:aa:bb:01';
const NULL_MAC = '00:00:00:00:00:00';
const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff';

/** Reads the MAC address of a NIC: six octets in hex, colons between them, unicast. @returns lower case. */
export function parseMac(text: string): Parsed<string> {
  const bad = (message: string, fix: string) => ({ fault: { code: 'spec/bad-mac', message, fix } });
  const mac = text.toLowerCase();
  if (!/^[\da-f]{2}(:[\da-f]{2}){5}$/.test(mac)) {
    const digits = mac.replaceAll(/[-.:\s]/g, '');
    const meant = /^[\da-f]{12}$/.test(digits) ? digits.match(/../g)?.join(':') : undefined;
    return bad(`${quoted(text)} is not a MAC address`, `write six octets such as "${meant ?? EXAMPLE}"`);
  }
  const firstOctet = Number.parseInt(mac.slice(0, 2), 16);
  if ((firstOctet & 1) === 1) {
    const unicast = (firstOctet & 0xfe).toString(16).padStart(2, '0') + mac.slice(2);
    const isUsable = unicast !== NULL_MAC && mac !== BROADCAST_MAC;
    return bad(
      `${text} is a multicast address (the first octet is odd), which no NIC may have`,
      `write a unicast address such as "${isUsable ? unicast : EXAMPLE}"`,
    );
  }
  if (mac === NULL_MAC) return bad(`${text} is the null address`, `write one such as "${EXAMPLE}"`);
  return { value: mac };
}
