import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../wire/address.js';
import { type ForwardPorts, parseForward } from './forward-text.js';
import { formatPorts, portCount } from './ports.js';

/** The canonical text of a forward; the inverse of what is tested. */
function formatForward(forward: ForwardPorts): string {
  const address = formatAddress(forward.listenAddress);
  const count = forward.targetPortFixed ? 1 : portCount(forward.listenPorts);
  const target = { first: forward.targetPortFirst, last: forward.targetPortFirst + count - 1 };
  const listen = forward.listenAddress.family === 6 ? `[${address}]` : address;
  return `${listen}:${formatPorts(forward.listenPorts)}:${formatPorts(target)}/${forward.protocol}`;
}

const port = fc.integer({ min: 1, max: 65_535 });
const forward: fc.Arbitrary<ForwardPorts> = fc
  .record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    listenAddress: fc.oneof(
      fc.bigInt(0n, 2n ** 32n - 1n).map((value) => ({ family: 4 as const, value })),
      fc.bigInt(0n, 2n ** 128n - 1n).map((value) => ({ family: 6 as const, value })),
    ),
    firsts: fc.tuple(port, port),
    size: fc.nat(2000),
    isFixed: fc.boolean(),
  })
  .map(({ protocol, listenAddress, firsts: [listenFirst, targetFirst], size, isFixed }) => {
    const extra = Math.min(size, 65_535 - listenFirst, isFixed ? 65_535 : 65_535 - targetFirst);
    return {
      protocol,
      listenAddress,
      listenPorts: { first: listenFirst, last: listenFirst + extra },
      targetPortFirst: targetFirst,
      targetPortFixed: isFixed && extra > 0,
    };
  });

function parsed(text: string) {
  const result = parseForward(text);
  if ('fault' in result) throw new Error(`${text}: ${result.fault.message}`);
  return result.value;
}

function fault(text: string): string {
  const result = parseForward(text);
  return 'fault' in result ? `${result.fault.code}: ${result.fault.message} | ${result.fault.fix}` : 'none';
}

describe('the short form of a forward', () => {
  test('what is written out reads back as it was', () => {
    fc.assert(
      fc.property(forward, (one) => {
        expect(parsed(formatForward(one))).toEqual(one);
      }),
    );
  });

  test('any text gives a forward or a fault with a code and a fix', () => {
    const pieces = fc.array(
      fc.constantFrom('9011', ':', '-', '/', '[', ']', '::1', '127.0.0.1', 'tcp', ' ', '0', '70000', 'é'),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pieces.map((list) => list.join('')),
        ),
        (text) => {
          const result = parseForward(text);
          if ('fault' in result) {
            expect(result.fault.code).toMatch(/^spec\/[a-z-]+$/);
            expect(result.fault.fix).toBeTruthy();
          } else {
            // Whatever was understood means the same when it is written canonically.
            expect(parsed(formatForward(result.value))).toEqual(result.value);
          }
        },
      ),
    );
  });

  test.each([
    ['9011:9090', 'tcp', '0.0.0.0', [9011, 9011], 9090, false],
    ['127.0.0.1:8080:80/tcp', 'tcp', '127.0.0.1', [8080, 8080], 80, false],
    ['[::1]:8080:80', 'tcp', '::1', [8080, 8080], 80, false],
    ['[::]:53:53/udp', 'udp', '::', [53, 53], 53, false],
    ['9001-9099:9090', 'tcp', '0.0.0.0', [9001, 9099], 9090, true],
    ['9001-9099:1001-1099', 'tcp', '0.0.0.0', [9001, 9099], 1001, false],
    ['1-1:2', 'tcp', '0.0.0.0', [1, 1], 2, false],
  ])('%s', (text, protocol, address, [first, last], targetPortFirst, targetPortFixed) => {
    const { listenAddress, ...rest } = parsed(text);
    expect(formatAddress(listenAddress)).toBe(address);
    expect(rest).toEqual({ protocol, listenPorts: { first, last }, targetPortFirst, targetPortFixed });
  });

  test.each([
    [
      '9011',
      'spec/bad-forward: "9011" is not a forward | write [ADDRESS:]LISTEN:TARGET[/PROTOCOL], for example "9011:9011"',
    ],
    [
      '',
      'spec/bad-forward: "" is not a forward | write [ADDRESS:]LISTEN:TARGET[/PROTOCOL], for example "9011:9090"',
    ],
    [
      '80:80/tcp/udp',
      'spec/bad-forward: "80:80/tcp/udp" is not a forward | write [ADDRESS:]LISTEN:TARGET[/PROTOCOL], for example "9011:9090"',
    ],
    ['::1:8080:80', 'spec/bad-forward: the IPv6 address ::1 runs into the ports | write "[::1]:8080:80"'],
    [
      '[10.0.0.1]:8080:80',
      'spec/bad-forward: brackets are for IPv6, 10.0.0.1 is IPv4 | write "10.0.0.1:8080:80"',
    ],
    [
      'localhost:8080:80',
      'spec/bad-forward: "localhost" is not an address to listen on | write an IPv4 address such as 127.0.0.1, or an IPv6 address in brackets such as [::1]',
    ],
    ['0:80', 'spec/bad-port: port 0 does not exist | write a port from 1 to 65535'],
    ['80:65536', 'spec/bad-port: port 65536 does not exist | write a port from 1 to 65535'],
    [
      '80:http',
      'spec/bad-port: "http" is not a port or a range of ports | write a port such as 9011, or a range such as "9001-9099"',
    ],
    ['90-80:80', 'spec/bad-port: the range 90-80 runs backwards | write "80-90"'],
    ['80:80/TCP', 'spec/unknown-protocol: unknown protocol "TCP" | did you mean "tcp"?'],
    ['80:80/quic', 'spec/unknown-protocol: unknown protocol "quic" | write tcp or udp'],
    [
      '1-3:1-2',
      'spec/forward-range-size: 3 listen ports (1-3) cannot lead to 2 target ports (1-2) | write "1-3" to match, or a single target port',
    ],
    [
      '80:1-2',
      'spec/forward-range-size: 1 listen ports (80) cannot lead to 2 target ports (1-2) | write "1" to match, or a single target port',
    ],
  ])('%s is refused', (text, message) => {
    expect(fault(text)).toBe(message);
  });
});
