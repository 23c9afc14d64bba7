/**
 * What a conformance run proved, engine by engine: the scenarios that passed for each capability, or the sentence with
 * which the engine declines it. A run leaves its record in .cache/conformance; docs/conformance.json keeps those of all
 * engines, the next run is compared with it, and the README's table is written from it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { EngineName } from '../../src/topology/topology.js';
import type { Capability, Declared } from './capabilities.js';
import type { Scenario } from './scenario.js';

const KEPT = fileURLToPath(new URL('../../docs/conformance.json', import.meta.url));
const FRESH = fileURLToPath(new URL('../../.cache/conformance/', import.meta.url));

export type EngineRecord = Readonly<Partial<Record<Capability, readonly string[] | string>>>;

/** Of the run that an engine is made for, and of the one as root where some of its modes need that. */
const RECORD_PARTS = ['', '-root'] as const;
export type RecordPart = (typeof RECORD_PARTS)[number];

function freshPath(engine: EngineName, part: RecordPart): string {
  return `${FRESH}${engine}${part}.json`;
}

export type KeptRecords = Readonly<Partial<Record<EngineName, EngineRecord>>>;

/** What takes more than the one host of a run is proven by suites of the engines' own. */
export const OWN_SUITES: Readonly<Partial<Record<Capability, readonly string[]>>> = {
  manyHosts: [
    'test/conformance/linux/hosts.test.ts',
    'test/conformance/ovs/hosts.test.ts',
    'test/conformance/ovn/hosts.test.ts',
    'test/conformance/user/hosts.test.ts',
    'test/conformance/user/vxlan.test.ts',
  ],
};

/** @param declared of what the run can prove. */
export function recordOf(declared: Partial<Declared>, passed: readonly Scenario[]): EngineRecord {
  const entries = Object.entries(declared).map(([capability, support]) => [
    capability,
    support === true
      ? (OWN_SUITES[capability as Capability] ??
        passed.filter(({ proves }) => proves.includes(capability as Capability)).map(({ title }) => title))
      : support,
  ]);
  return Object.fromEntries(entries) as EngineRecord;
}

/** Capabilities that are declared and that no scenario proved. */
export function unproven(record: EngineRecord): string[] {
  return Object.entries(record).flatMap(([capability, proof]) => (proof.length === 0 ? [capability] : []));
}

/** What a kept record has and this one has not: scenarios that do not pass any more, of capabilities by name. */
export function lost(kept: EngineRecord | undefined, record: EngineRecord): string[] {
  return Object.entries(kept ?? {}).flatMap(([capability, proof]) => {
    const now = record[capability as Capability];
    // A run as root and one as an ordinary user each prove their part.
    if (typeof proof === 'string' || now === undefined) return [];
    return proof.filter((title) => !now.includes(title)).map((title) => `${capability}: ${title}`);
  });
}

export function isProven(record: EngineRecord | undefined, capability: Capability): boolean {
  const proof = record?.[capability];
  return typeof proof === 'object' && proof.length > 0;
}

export function readKept(): KeptRecords {
  return existsSync(KEPT) ? (JSON.parse(readFileSync(KEPT, 'utf8')) as KeptRecords) : {};
}

/** @param part of the engine's record, where it is proven by more than one run. */
export function writeFresh(engine: EngineName, part: RecordPart, record: EngineRecord): void {
  mkdirSync(FRESH, { recursive: true });
  writeFileSync(freshPath(engine, part), `${JSON.stringify(record, null, 2)}\n`);
}

/** Takes over the records of the last runs; engines that did not run keep theirs. */
export function keepFresh(engines: readonly EngineName[]): void {
  const kept = readKept();
  const records = engines.flatMap((engine) => {
    const parts = RECORD_PARTS.map((part) => freshPath(engine, part)).filter(existsSync);
    const fresh = parts.map((path) => JSON.parse(readFileSync(path, 'utf8')) as EngineRecord);
    const record = Object.assign({}, kept[engine], ...fresh) as EngineRecord;
    return Object.keys(record).length === 0 ? [] : [[engine, record]];
  });
  writeFileSync(KEPT, `${JSON.stringify(Object.fromEntries(records), null, 2)}\n`);
}
