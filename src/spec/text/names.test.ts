import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDeviceModel, parseDomain, parseInterfaceName, parseLabel } from './names.js';

function outcome(result: { value: unknown } | { fault: { message: string; fix?: string } }): string {
  return 'value' in result ? `ok ${String(result.value)}` : `${result.fault.message} | ${result.fault.fix}`;
}

const LABEL_FIX = 'write a-z, 0-9 and hyphens between them, for example';

describe('names', () => {
  test.each([
    ['web1', 'ok web1'],
    ['1', 'ok 1'],
    ['a'.repeat(63), `ok ${'a'.repeat(63)}`],
    [
      'a'.repeat(64),
      `the name "${'a'.repeat(60)}…" is longer than 63 characters | ${LABEL_FIX} "${'a'.repeat(63)}"`,
    ],
    ['Web_1', `the name "Web_1" is not a DNS label | ${LABEL_FIX} "web-1"`],
    ['-web', `the name "-web" is not a DNS label | ${LABEL_FIX} "web"`],
    ['café', `the name "café" is not a DNS label | ${LABEL_FIX} "cafe"`],
    ['web.1', `the name "web.1" is not a DNS label | ${LABEL_FIX} "web-1"`],
    ['', `the name "" is not a DNS label | ${LABEL_FIX} "web1"`],
    ['web\n', `the name "web\\n" is not a DNS label | ${LABEL_FIX} "web"`],
  ])('label %j', (text, expected) => expect(outcome(parseLabel(text))).toBe(expected));

  test('the name a fix proposes is a good name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const result = parseLabel(text);
        if ('value' in result) return;
        const proposed = /"([^"]*)"$/.exec(result.fault.fix ?? '')?.[1] ?? '';
        expect(parseLabel(proposed)).toEqual({ value: proposed });
      }),
    );
  });

  test.each([
    ['shop.internal', 'ok shop.internal'],
    [
      'Shop.Internal.',
      '"Shop.Internal." is not a DNS domain | write lower-case labels with dots between them, for example "shop.internal"',
    ],
    [
      'a..b',
      '"a..b" is not a DNS domain | write lower-case labels with dots between them, for example "shop.internal"',
    ],
    [
      `${'a.'.repeat(126)}aa`,
      `"${'a.'.repeat(30)}…" is not a DNS domain | write lower-case labels with dots between them, for example "shop.internal"`,
    ],
  ])('domain %j', (text, expected) => expect(outcome(parseDomain(text))).toBe(expected));

  test.each([
    ['eth0', 'ok eth0'],
    ['default', 'ok default'],
    ['enp0s31f6.100', 'ok enp0s31f6.100'],
    [
      'a/b',
      '"a/b" cannot be the name of a network interface | write the name as `ip link` shows it, for example eth0, or default',
    ],
    [
      '0123456789abcdef',
      '"0123456789abcdef" cannot be the name of a network interface | write the name as `ip link` shows it, for example eth0, or default',
    ],
    [
      '..',
      '".." cannot be the name of a network interface | write the name as `ip link` shows it, for example eth0, or default',
    ],
  ])('interface %j', (text, expected) => expect(outcome(parseInterfaceName(text))).toBe(expected));

  test.each([
    ['e1000', 'ok e1000'],
    ['virtio', '"virtio" is not a QEMU network device | write virtio-net-pci'],
    [
      'e1000,netdev=x',
      '"e1000,netdev=x" is not a QEMU network device | write one such as virtio-net-pci, e1000 or rtl8139',
    ],
  ])('model %j', (text, expected) => expect(outcome(parseDeviceModel(text))).toBe(expected));
});
