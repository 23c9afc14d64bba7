import type { Address } from '../../wire/address.js';
import { parseHostAddress } from '../text/subnet-text.js';
import { either, key, mapping, text, whole } from './kinds.js';

/** Whatever tunnel goes over it, what is left carries IPv6 (RFC 8200, section 5: 1280 bytes, and 70 for the tunnel). */
const UNDERLAY_MTU_RANGE = [1350, 65_535] as const;
const DEFAULT_UNDERLAY_MTU_BYTES = 1500;

const hostAddress = text('an IP address', (written) => parseHostAddress(written));

const hostShape = {
  address: key(hostAddress, {
    about: 'Address that the other hosts reach this host at. Required.',
    example: '192.0.2.1',
  }),
  mtu: key(whole(...UNDERLAY_MTU_RANGE).optional(), {
    about: 'Largest IP packet that passes between this host and the others, in bytes.',
    byDefault: '1500',
    example: 9000,
  }),
};

const longForm = mapping(hostShape, '{ address: 192.0.2.1 }');

/** A host in short or long form. */
export const host = either('an address such as 192.0.2.1, or a mapping with address and mtu', [
  hostAddress,
  longForm,
]).transform((written): WrittenHost => {
  const { address, mtu } = 'family' in written ? { address: written } : written;
  return { address, mtuBytes: mtu ?? DEFAULT_UNDERLAY_MTU_BYTES };
});

export interface WrittenHost {
  readonly address: Address;
  readonly mtuBytes: number;
}
