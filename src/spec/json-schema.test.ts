import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { jsonSchema, type JsonSchema } from './json-schema.js';
import { parseSpec } from './parse.js';
import { ENGINE_NAMES, MODES } from './vocabulary.js';

const PUBLISHED = new URL('../../schema/passerelle.schema.json', import.meta.url);

// `UPDATE_GENERATED=1 npx vitest run src/spec` writes the file anew.
if (process.env['UPDATE_GENERATED'] === '1')
  writeFileSync(PUBLISHED, `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);

test('the published schema is what the code says', () => {
  expect(JSON.parse(readFileSync(PUBLISHED, 'utf8'))).toEqual(jsonSchema());
});

/** Every key of the file with what the schema says of it. */
function keysOf(schema: JsonSchema, path = ''): [string, JsonSchema][] {
  const own = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  const below = [
    schema['items'],
    schema['additionalProperties'],
    ...((schema['anyOf'] as unknown[] | undefined) ?? []),
  ];
  return [
    ...own.flatMap(([key, part]): [string, JsonSchema][] => [
      [`${path}${key}`, part],
      ...keysOf(part, `${path}${key}.`),
    ]),
    ...below.flatMap((part) =>
      typeof part === 'object' && part !== null ? keysOf(part as JsonSchema, path) : [],
    ),
  ];
}

test('every key explains itself and gives an example', () => {
  const keys = keysOf(jsonSchema());
  expect(keys.length).toBeGreaterThan(35);
  for (const [key, part] of keys) {
    expect(part['description'], key).toMatch(/^[A-Z].*\.$/s);
    expect(part['description'], key).toMatch(/Required\.$|Default: /);
    expect(part['examples'], key).toHaveLength(1);
  }
});

test('every example is good where it stands', () => {
  const around: Record<string, (value: object) => object> = {
    hosts: (value) => ({ hosts: { kvm1: { address: '192.0.2.1', ...value } } }),
    networks: (value) => ({ networks: { web: { mode: 'nat', ...value } } }),
    'networks.ipv4': (value) => ({
      networks: { web: { mode: 'nat', ipv4: { subnet: '10.10.10.0/24', ...value } } },
    }),
    'networks.dhcp': (value) => ({ networks: { web: { mode: 'nat', ipv4: '10.10.10.0/24', dhcp: value } } }),
    'networks.dns': (value) => ({ networks: { web: { mode: 'nat', dns: value } } }),
    'networks.vxlan': (value) => ({
      networks: { web: { mode: 'nat', vxlan: { id: 7, peers: ['192.0.2.2'], ...value } } },
    }),
    'networks.portgroups': (value) => ({ networks: { web: { mode: 'nat', portgroups: { desks: value } } } }),
    'networks.ipsec': (value) => ({
      hosts: { kvm1: '192.0.2.1', kvm2: '192.0.2.2' },
      networks: { web: { mode: 'nat', ipv4: '10.10.10.0/24', ipsec: value } },
    }),
    'networks.bond': (value) => ({
      networks: {
        lan: { mode: 'bridge', uplink: ['eth1', 'eth2'], bond: { mode: 'balance-tcp', ...value } },
      },
    }),
    machines: (value) => ({ machines: { web1: value } }),
    'machines.nics': (value) => ({ machines: { web1: { nics: [{ network: 'web', ...value }] } } }),
    forwards: (value) => ({ forwards: [{ 'listen-port': 9011, target: 'web1', ...value }] }),
    '': (value) => value,
  };
  // What an example cannot have beside it: the rest of the file.
  const ofTheRest =
    /^spec\/(unknown-(network|machine|host|portgroup)|forward-no-address|address-without-subnet|key-not-for-mode|uplink-gateway-without-uplink|ipsec-without-hosts)$/;
  for (const [key, part] of keysOf(jsonSchema())) {
    const parent = key.split('.').slice(0, -1).join('.');
    const name = key.split('.').at(-1) ?? '';
    const wrap = around[parent];
    if (wrap === undefined) throw new Error(`no surroundings for ${key}`);
    const [example] = part['examples'] as unknown[];
    const result = parseSpec(JSON.stringify({ project: 'shop', ...wrap({ [name]: example }) }), key);
    const problems = 'problems' in result ? result.problems.filter(({ code }) => !ofTheRest.test(code)) : [];
    expect(problems, `${key}: ${JSON.stringify(example)}`).toEqual([]);
  }
});

test('editors are told the words there are', () => {
  const network = (jsonSchema() as { properties: { networks: { additionalProperties: JsonSchema } } })
    .properties.networks.additionalProperties;
  expect(network).toMatchObject({
    required: ['mode'],
    additionalProperties: false,
    properties: {
      mode: { enum: [...MODES] },
      engine: { enum: [...ENGINE_NAMES] },
      mtu: { anyOf: [{ minimum: 576, maximum: 65_520 }, { const: 'largest' }] },
    },
  });
});
