import fc from 'fast-check';
import { expect, it } from 'vitest';
import { summaryOfFrame } from './frame-summary.js';

const ETHERNET = '525400000001 52540000000a';
const frame = (hex: string): Buffer => Buffer.from(`${ETHERNET} ${hex}`.replaceAll(' ', ''), 'hex');

it('says of each kind of frame what a person would', () => {
  const syn = frame(
    '0800 45000028 00004000 40060000 0a00000b c0000209 9c40 01bb 00000001 00000000 5002 ffff 0000 0000',
  );
  expect(summaryOfFrame(syn)).toEqual({
    source: '10.0.0.11',
    target: '192.0.2.9',
    protocol: 'tcp',
    sourcePort: 40_000,
    targetPort: 443,
    detail: 'syn',
  });
  const echo = frame('0800 45000054 00004000 40010000 0a00000b c0000209 0800 0000 0001 0001');
  expect(summaryOfFrame(echo)).toMatchObject({ protocol: 'icmp', detail: 'echo-request' });
  const arp = frame('0806 0001 0800 0604 0001 52540000000a 0a00000b 000000000000 0a000001');
  expect(summaryOfFrame(arp)).toEqual({
    source: '52:54:00:00:00:0a',
    target: '52:54:00:00:00:01',
    protocol: 'arp',
    detail: 'who has 10.0.0.1, tell 10.0.0.11',
  });
  const dns6 = frame(
    `86dd 60000000 0008 11 40 ${'fd00'.padEnd(31, '0')}b ${'fd00'.padEnd(31, '0')}1 c000 0035 0008 0000`,
  );
  expect(summaryOfFrame(dns6)).toMatchObject({
    source: 'fd00::b',
    target: 'fd00::1',
    protocol: 'udp',
    targetPort: 53,
  });
  // A later fragment has no ports.
  const fragment = frame('0800 45000028 00002001 40110000 0a00000b c0000209 9c40 01bb 0008 0000');
  expect(summaryOfFrame(fragment)).toEqual({ source: '10.0.0.11', target: '192.0.2.9', protocol: 'udp' });
  const tagged = frame('8100 002a 0806 0001 0800 0604 0001 52540000000a 0a00000b 000000000000 0a000001');
  expect(summaryOfFrame(tagged)).toEqual(summaryOfFrame(arp));
  expect(summaryOfFrame(frame('88cc 00'))).toMatchObject({ protocol: 'ethertype 0x88cc' });
});

it('makes something of any bytes', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 192 }),
      fc.constantFrom('0800', '86dd', '0806', ''),
      (bytes, type) => {
        const head = type === '' ? Buffer.from(bytes) : Buffer.concat([frame(type), Buffer.from(bytes)]);
        expect(summaryOfFrame(head).protocol).not.toBe('');
      },
    ),
  );
});
