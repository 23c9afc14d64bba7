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

export type EngineRecord = Readonly<Record<Capability, readonly string[] | string>>;

export type KeptRecords = Readonly<Partial<Record<EngineName, EngineRecord>>>;

export function recordOf(declared: Declared, passed: readonly Scenario[]): EngineRecord {
  const entries = Object.entries(declared).map(([capability, support]) => [
    capability,
    support === true
      ? passed.filter(({ proves }) => proves.includes(capability as Capability)).map(({ title }) => title)
      : support,
  ]);
  return Object.fromEntries(entries) as EngineRecord;
}

/** Capabilities that are declared and that no scenario proved. */
export function unproven(record: EngineRecord): string[] {
  return Object.entries(record).flatMap(([capability, proof]) => (proof.length === 0 ? [capability] : []));
}

export function isProven(record: EngineRecord | undefined, capability: Capability): boolean {
  const proof = record?.[capability];
  return typeof proof === 'object' && proof.length > 0;
}

export function readKept(): KeptRecords {
  return existsSync(KEPT) ? (JSON.parse(readFileSync(KEPT, 'utf8')) as KeptRecords) : {};
}

export function writeFresh(engine: EngineName, record: EngineRecord): void {
  mkdirSync(FRESH, { recursive: true });
  writeFileSync(`${FRESH}${engine}.json`, `${JSON.stringify(record, null, 2)}\n`);
}

/** Takes over the records of the last runs; engines that did not run keep theirs. */
export function keepFresh(engines: readonly EngineName[]): void {
  const kept = readKept();
  const records = engines.flatMap((engine) => {
    const path = `${FRESH}${engine}.json`;
    const record = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as EngineRecord) : kept[engine];
    return record === undefined ? [] : [[engine, record]];
  });
  writeFileSync(KEPT, `${JSON.stringify(Object.fromEntries(records), null, 2)}\n`);
}
