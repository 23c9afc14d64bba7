import { describe, expect, it } from 'vitest';
import type { FabricForward } from '../../fabric/control/protocol.js';
import type { Forward } from '../../topology/topology.js';
import { forwardProblems, type ListenFacts } from './preflight.js';

function forward(
  listenAddress: string,
  first: number,
  last = first,
  protocol: 'tcp' | 'udp' = 'tcp',
): Forward & FabricForward {
  return {
    id: `${protocol}/${listenAddress}:${first}`,
    protocol,
    listenAddress,
    listenPortFirst: first,
    listenPortLast: last,
    network: 'web',
    targets: [{ machine: 'web1', nic: 'web1/0', address: '10.0.0.2' }],
    targetAddresses: ['10.0.0.2'],
    targetPortFirst: 80,
    targetPortFixed: false,
    source: { file: 'shop.yaml', line: 7, column: 3 },
  };
}

const facts: ListenFacts = {
  taken: [{ protocol: 'tcp', address: '0.0.0.0', port: 8080 }],
  hostAddresses: new Set(['192.0.2.5', '::1']),
  firstAllowedPort: 1024,
};
const codes = (one: Forward, standing: FabricForward[] = []): string[] =>
  forwardProblems([one], standing, facts).map((problem) => problem.code);

describe('forwardProblems', () => {
  it('lets a free port of this host be', () => {
    expect(codes(forward('127.0.0.1', 9000))).toEqual([]);
    expect(codes(forward('192.0.2.5', 9000, 9099))).toEqual([]);
  });
  it('names a taken port, wildcard or inside a range', () => {
    expect(codes(forward('127.0.0.1', 8080))).toEqual(['forward/port-taken']);
    expect(codes(forward('0.0.0.0', 8000, 8100))).toEqual(['forward/port-taken']);
    expect(codes(forward('127.0.0.1', 8080, 8080, 'udp'))).toEqual([]);
  });
  it('knows the ports that our own fabric has', () => {
    expect(codes(forward('0.0.0.0', 8080), [forward('0.0.0.0', 8080)])).toEqual([]);
  });
  it('refuses privileged ports and foreign addresses, with the line', () => {
    expect(codes(forward('0.0.0.0', 80))).toEqual(['forward/port-privileged']);
    const [problem] = forwardProblems([forward('198.51.100.1', 9000)], [], facts);
    expect(problem).toMatchObject({ code: 'forward/address-not-here', at: { line: 7, column: 3 } });
  });
});
