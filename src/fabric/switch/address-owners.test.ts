import { describe, expect, it } from 'vitest';
import { parseIpv4, parseIpv6 } from '../../wire/address.js';
import {
  type AddressHolder,
  AddressOwners,
  CLAIM_IDLE_SECONDS,
  ipv6KeyOf,
  MAX_CLAIMS_PER_PORT,
} from './address-owners.js';

const holder = (): AddressHolder & { revocations: number } => ({
  claims: [],
  revocations: 0,
  onRevoked() {
    this.revocations += 1;
  },
});
const v4 = (text: string): number => parseIpv4(text)!;
const v6 = (text: string): DataView => new DataView(parseIpv6(text)!.buffer as ArrayBuffer);

describe('AddressOwners', () => {
  it('grants a free address of the subnet to the first who uses it', () => {
    const owners = new AddressOwners();
    owners.setPrefixes({ address: '10.0.0.0', prefixLength: 24 }, undefined);
    const [a, b] = [holder(), holder()];
    expect(owners.mayUseIpv4(v4('10.0.0.9'), a)).toBe(true);
    expect(owners.mayUseIpv4(v4('10.0.0.9'), b)).toBe(false);
    owners.release(a);
    expect(owners.mayUseIpv4(v4('10.0.0.9'), b)).toBe(true);
  });

  it.each(['10.0.0.0', '10.0.0.255', '10.0.1.1', '127.0.0.1', '0.1.2.3', '224.0.0.1', '255.255.255.255'])(
    'does not grant %s',
    (address) => {
      const owners = new AddressOwners();
      owners.setPrefixes({ address: '10.0.0.0', prefixLength: 24 }, undefined);
      expect(owners.mayUseIpv4(v4(address), holder())).toBe(false);
    },
  );

  it('knows both ends of a /31 as hosts', () => {
    const owners = new AddressOwners();
    owners.setPrefixes({ address: '10.0.0.0', prefixLength: 31 }, undefined);
    const a = holder();
    expect(owners.mayUseIpv4(v4('10.0.0.0'), a)).toBe(true);
    expect(owners.mayUseIpv4(v4('10.0.0.1'), a)).toBe(true);
  });

  it.each([
    ['fe80::1', true],
    ['fd00:1::5', true],
    ['fd00:2::5', false],
    ['ff02::1', false],
    ['::1', false],
    ['::ffff:10.0.0.1', false],
  ])('on fd00:1::/64, %s can be claimed: %s', (address, expected) => {
    const owners = new AddressOwners();
    owners.setPrefixes(undefined, { address: 'fd00:1::', prefixLength: 64 });
    expect(owners.mayUseIpv6(v6(address), 0, holder())).toBe(expected);
  });

  it('keeps assigned addresses for their holder, and takes them from a claimant', () => {
    const owners = new AddressOwners();
    const [a, b] = [holder(), holder()];
    expect(owners.mayUseIpv6(v6('fd00::7'), 0, a)).toBe(true);
    owners.assign(ipv6KeyOf(parseIpv6('fd00::7')!), b);
    expect(a.revocations).toBeGreaterThan(0);
    expect(owners.mayUseIpv6(v6('fd00::7'), 0, a)).toBe(false);
    expect(owners.mayUseIpv6(v6('fd00::7'), 0, b)).toBe(true);
  });

  it('frees a claim that nobody used for a while, and keeps one that is in use', () => {
    let seconds = 0;
    const owners = new AddressOwners(() => seconds);
    const [a, b] = [holder(), holder()];
    owners.mayUseIpv4(v4('10.0.0.9'), a);
    owners.mayUseIpv4(v4('10.0.0.10'), a);
    for (; seconds < CLAIM_IDLE_SECONDS + 60; seconds += 30) {
      owners.age();
      owners.mayUseIpv4(v4('10.0.0.9'), a);
    }
    expect(a.revocations).toBeGreaterThan(5);
    expect(a.claims).toEqual([v4('10.0.0.9')]);
    expect(owners.mayUseIpv4(v4('10.0.0.10'), b)).toBe(true);
    expect(owners.mayUseIpv4(v4('10.0.0.9'), b)).toBe(false);
  });

  it('lets a port that claims without end push out its own claims only', () => {
    const owners = new AddressOwners();
    const [quiet, loud] = [holder(), holder()];
    expect(owners.mayUseIpv6(v6('fd00::1:1'), 0, quiet)).toBe(true);
    for (let index = 2; index < 5000; index++) {
      owners.mayUseIpv6(v6(`fd00::2:${index.toString(16)}`), 0, loud);
    }
    expect(loud.claims).toHaveLength(MAX_CLAIMS_PER_PORT);
    expect(owners.mayUseIpv6(v6('fd00::1:1'), 0, loud)).toBe(false);
    expect(owners.mayUseIpv6(v6('fd00::1:1'), 0, quiet)).toBe(true);
  });
});
