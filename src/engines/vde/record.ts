/**
 * What was asked of one network, for `observe` to tell ports and cables again: the switch knows them by number only.
 * Whether they are so is read from the switch each time.
 */
import { readFileSync } from 'node:fs';
import { readJsonFile, writeJsonFile } from '../../plan/json-file.js';
import type { Json, Resource } from '../../plan/resource.js';
import type { NetworkFiles } from './network-files.js';

export interface NetworkRecord {
  /** Of the switch that was started last. */
  readonly incarnation: number;
  /** Ports and cables by resource id. */
  readonly entries: ReadonlyMap<string, RecordEntry>;
}

export interface RecordEntry {
  readonly kind: string;
  readonly properties: Readonly<Record<string, Json>>;
}

export const EMPTY_RECORD: NetworkRecord = { incarnation: 0, entries: new Map() };

/** A record that is damaged or not there reads as an empty one. */
export async function readRecord(files: NetworkFiles): Promise<NetworkRecord> {
  return parseRecord(await readJsonFile(files.record));
}

/** The same, read at once. */
export function readRecordNow(files: NetworkFiles): NetworkRecord {
  try {
    return parseRecord(JSON.parse(readFileSync(files.record, 'utf8')));
  } catch {
    return EMPTY_RECORD;
  }
}

export async function writeRecord(files: NetworkFiles, record: NetworkRecord): Promise<void> {
  const { incarnation, entries } = record;
  await writeJsonFile(files.record, { incarnation, entries: Object.fromEntries(entries) });
}

export function withEntry(record: NetworkRecord, { id, kind, properties }: Resource): NetworkRecord {
  return { ...record, entries: new Map(record.entries).set(id, { kind, properties }) };
}

export function withoutEntry(record: NetworkRecord, id: string): NetworkRecord {
  const entries = new Map(record.entries);
  entries.delete(id);
  return { ...record, entries };
}

function parseRecord(value: unknown): NetworkRecord {
  if (!isObject(value)) return EMPTY_RECORD;
  const { incarnation, entries } = value;
  return {
    incarnation: typeof incarnation === 'number' && Number.isSafeInteger(incarnation) ? incarnation : 0,
    entries: new Map(
      Object.entries(isObject(entries) ? entries : {}).flatMap(([id, entry]) => {
        if (!isObject(entry) || typeof entry['kind'] !== 'string' || !isObject(entry['properties']))
          return [];
        // It was JSON.
        const properties = entry['properties'] as Readonly<Record<string, Json>>;
        return [[id, { kind: entry['kind'], properties }] as const];
      }),
    ),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
