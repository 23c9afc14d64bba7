import { describe, expect, it, test } from 'vitest';
import type { Engine, Support } from '../engines/contract.js';
import { ENGINES } from '../engines/registry.js';
import { placesOf } from '../places.js';
import { parseSpec } from '../spec/parse.js';
import { NOTHING_REMEMBERED } from '../topology/remembered.js';
import { resolveTopology } from '../topology/resolve.js';
import type { EngineName } from '../topology/topology.js';
import { supportProblems } from './support.js';

const context = {
  project: 'p',
  places: placesOf('p', { XDG_RUNTIME_DIR: '/tmp', XDG_STATE_HOME: '/tmp' }, 0),
};
const engines = new Map<EngineName, Engine>(
  Object.entries(ENGINES).map(([name, create]) => [name as EngineName, create(context)]),
);

function told(text: string): string[] {
  const parsed = parseSpec(text, 'f.yaml');
  if ('problems' in parsed) throw new Error(parsed.problems.map(({ message }) => message).join('; '));
  const resolved = resolveTopology(parsed.spec, { busySubnets: [], remembered: NOTHING_REMEMBERED });
  if ('problems' in resolved) throw new Error('the file does not resolve');
  return supportProblems(resolved.topology, engines).map(
    ({ at, code, message, fix }) => `${at?.line}:${at?.column} ${code} ${message} -> ${fix}`,
  );
}

describe.each([...engines])('the engine %s', (_, { capabilities }) => {
  it('says of all it cannot do why, and what to write instead', () => {
    const { modes, networkKeys, nicKeys, forwardSources } = capabilities;
    const { forwards, ipv6, dhcp, dns, antiSpoofing, capture, manyHosts } = capabilities;
    const answers: Support[] = [forwards, ipv6, dhcp, dns, antiSpoofing, capture, manyHosts];
    answers.push(...Object.values(modes), ...Object.values(networkKeys), ...Object.values(nicKeys));
    answers.push(...Object.values(forwardSources));
    for (const answer of answers) if (answer !== true) expect(answer).toMatch(/^[^;]+; [^;]+$/);
  });
});

test('a key that the engine does not read is told, with its place', () => {
  const problems = told(`project: p
networks:
  web: { mode: nat, vlan: 5 }
  lan: { mode: bridge, engine: vde }
  back: { mode: isolated, stp: false }
machines:
  m: { nics: [{ network: web, rate-limit: 5mbit, trunk: [1, 2] }, { network: back, isolated: false }] }
`);
  expect(problems).toEqual([
    expect.stringMatching(
      /^4:16 engine\/not-supported network lan: mode bridge is not .* -> write `engine: linux`/,
    ),
    expect.stringMatching(
      /^3:27 engine\/not-supported network web: the key "vlan" is not .* -> write `engine: ovs`/,
    ),
    expect.stringMatching(
      /^7:57 engine\/not-supported m\/0: the key "trunk" .* user: the fabric has no VLANs -> /,
    ),
    expect.stringMatching(/^7:43 engine\/not-supported m\/0: the key "rate-limit"/),
  ]);
});

test('anti-spoofing is told where the file counts on it, not where it is only the default', () => {
  const file = (nic: string): string =>
    `project: p\nengine: vde\nnetworks: { n: { mode: isolated } }\nmachines: { m: { nics: [{ network: n${nic} }] } }\n`;
  expect(told(file(''))).toEqual([]);
  expect(told(file(', anti-spoofing: false'))).toEqual([]);
  expect(told(file(', anti-spoofing: true'))).toEqual([
    expect.stringMatching(/^4:54 engine\/not-supported m\/0: the key "anti-spoofing"/),
  ]);
});

test('what a portgroup or a bond asks of an engine that has it not is told where it was written', () => {
  const problems = told(`project: p
engine: linux
networks:
  web: { mode: isolated, portgroups: { desks: { vlan: 5, rate-limit: 5mbit } } }
  lan: { mode: bridge, uplink: [eth1, eth2] }
machines:
  m: { nics: [{ network: web, portgroup: desks }] }
`);
  expect(problems).toEqual([
    expect.stringMatching(
      /^5:32 engine\/not-supported network lan: the key "bond" .* -> make it \(`ip link add/,
    ),
    expect.stringMatching(/^4:55 engine\/not-supported m\/0: the key "vlan" .* -> write `engine: ovs`/),
  ]);
});
