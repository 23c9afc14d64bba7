/**
 * What `nft -j list` says (libnftables-json(5)), reduced to what is read of it. Set elements become the text a person
 * would type, parts joined by ` . `, so that what is wanted and what stands are compared as text.
 */
import { PasserelleError } from '../../errors.js';
import type { Run } from '../command/run.js';
import { sharedRead } from '../command/shared-read.js';

export interface NftTable {
  readonly family: string;
  readonly name: string;
  readonly chains: readonly NftChain[];
  readonly sets: readonly NftSet[];
  readonly rules: readonly NftRule[];
  readonly limits: readonly NftLimit[];
}

/** A named limit over bytes. */
export interface NftLimit {
  readonly name: string;
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
}

export interface NftChain {
  readonly name: string;
  /** `filter`, `nat`, `route`; absent on a chain that is only jumped to. */
  readonly type?: string;
  readonly hook?: string;
  readonly priority?: number;
  readonly policy?: string;
}

export interface NftRule {
  readonly chain: string;
  readonly handle: number;
  readonly comment?: string;
  /** Statements as nft says them. */
  readonly expressions: readonly NftExpression[];
}

export type NftExpression = Readonly<Record<string, unknown>>;

/** A set or a map. */
export interface NftSet {
  readonly name: string;
  readonly elements: readonly NftElement[];
}

export interface NftElement {
  /** As typed: `192.0.2.1 . tcp . 9011 : 10.0.0.1 . 9090`; interface names in quotes. */
  readonly text: string;
  readonly comment?: string;
}

/** One table with its elements; `undefined` when there is none. @throws PasserelleError `nft/refused`. */
export async function listTable(
  run: Run,
  family: string,
  name: string,
  signal: AbortSignal,
): Promise<NftTable | undefined> {
  return sharedRead(run, signal, `table ${family} ${name}`, async () => {
    // Most of those asked for are not there: one program tells of them all.
    const standing = await listRuleset(run, signal);
    if (!standing.some((table) => table.family === family && table.name === name)) return undefined;
    const { exitCode, stdout, stderr } = await run(['nft', '-j', 'list', 'table', family, name], { signal });
    if (exitCode !== 0) {
      if (stderr.includes('No such file or directory')) return undefined;
      throw refused(stderr);
    }
    return parseListing(stdout)[0];
  });
}

/** Every table of the namespace that nft can tell of, without set elements. @throws PasserelleError `nft/refused`. */
export async function listRuleset(run: Run, signal: AbortSignal): Promise<NftTable[]> {
  return sharedRead(run, signal, 'ruleset', async () => {
    const { exitCode, stdout, stderr } = await run([...LIST, 'ruleset'], { signal });
    if (exitCode !== 0) throw refused(stderr);
    return isWhole(stdout) ? parseListing(stdout) : listOneByOne(run, signal);
  });
}

const LIST = ['nft', '-j', '-t', 'list'];

/**
 * nft 1.0.6 stops in the middle of a table that has an owner (`flags owner`), and says that it is done; `trace` has one,
 * and so may others. Without JSON it tells the names of all.
 */
async function listOneByOne(run: Run, signal: AbortSignal): Promise<NftTable[]> {
  const { exitCode, stdout, stderr } = await run(['nft', 'list', 'tables'], { signal });
  if (exitCode !== 0) throw refused(stderr);
  const names = stdout.split('\n').map((line) => /^table (\S+) (\S+)$/u.exec(line)?.slice(1) ?? []);
  const listings = await Promise.all(
    names.filter((words) => words.length > 0).map((words) => run([...LIST, 'table', ...words], { signal })),
  );
  // One that is gone by now is as one that cannot be told of.
  return listings.flatMap((listing) => (isWhole(listing.stdout) ? parseListing(listing.stdout) : []));
}

function isWhole(listing: string): boolean {
  return listing.trimEnd().endsWith(']}');
}

function refused(stderr: string): PasserelleError {
  return new PasserelleError({
    code: 'nft/refused',
    message: `nftables cannot be read: ${stderr.split('\n')[0] ?? ''}`,
    fix: 'run it as root: `sudo passerelle …`',
  });
}

type Json = Readonly<Record<string, unknown>>;

/** @throws SyntaxError when it is not JSON: a defect of nft, never of the file. */
export function parseListing(text: string): NftTable[] {
  const tables = new Map<
    string,
    { chains: NftChain[]; sets: NftSet[]; rules: NftRule[]; limits: NftLimit[] } & NftTable
  >();
  for (const entry of asList((JSON.parse(text) as Json)['nftables'])) {
    const [kind, value] = Object.entries(asObject(entry))[0] ?? [];
    const object = asObject(value);
    const family = String(object['family']);
    const name = String(object['name']);
    if (kind === 'table')
      tables.set(`${family} ${name}`, { family, name, chains: [], sets: [], rules: [], limits: [] });
    const table = tables.get(`${family} ${String(object['table'])}`);
    if (kind === 'chain') table?.chains.push(parseChain(object));
    else if (kind === 'rule') table?.rules.push(parseRule(object));
    else if (kind === 'limit') table?.limits.push(parseLimit(object));
    else if (kind === 'set' || kind === 'map') table?.sets.push(parseSet(object));
  }
  return [...tables.values()];
}

function parseChain(object: Json): NftChain {
  const { name, type, hook, prio, policy } = object;
  return {
    name: String(name),
    ...(typeof type === 'string' && { type }),
    ...(typeof hook === 'string' && { hook }),
    ...(typeof prio === 'number' && { priority: prio }),
    ...(typeof policy === 'string' && { policy }),
  };
}

function parseRule(object: Json): NftRule {
  const { chain, handle, comment, expr } = object;
  return {
    chain: String(chain),
    handle: Number(handle),
    expressions: asList(expr).map(asObject),
    ...(typeof comment === 'string' && { comment }),
  };
}

/** nft says a rate in the largest unit that divides it. */
function parseLimit(object: Json): NftLimit {
  const bytes = (value: unknown, unit: unknown): number => Number(value) * (UNIT_BYTES[String(unit)] ?? 1);
  return {
    name: String(object['name']),
    bytesPerSecond: bytes(object['rate'], object['rate_unit']),
    burstBytes: bytes(object['burst'], object['burst_unit']),
  };
}

const UNIT_BYTES: Readonly<Record<string, number>> = { bytes: 1, kbytes: 1024, mbytes: 1024 * 1024 };

function parseSet(object: Json): NftSet {
  const keyTypes = typeList(object['type']);
  return {
    name: String(object['name']),
    elements: asList(object['elem']).map((entry): NftElement => {
      // A map element is a pair of key and data.
      const [key, data] = Array.isArray(entry) ? (entry as unknown[]) : [entry];
      const wrapped = asObject(asObject(key)['elem']);
      const keyText = valueText('val' in wrapped ? wrapped['val'] : key, keyTypes);
      const comment = wrapped['comment'];
      return {
        text: data === undefined ? keyText : `${keyText} : ${valueText(data, [])}`,
        ...(typeof comment === 'string' && { comment }),
      };
    }),
  };
}

function typeList(type: unknown): string[] {
  return asList(Array.isArray(type) ? type : [type]).map(String);
}

function valueText(value: unknown, types: readonly string[]): string {
  const [type = ''] = types;
  if (typeof value === 'string') return type === 'ifname' ? `"${value}"` : value;
  if (typeof value === 'number') return type === 'inet_proto' ? protocolName(value) : String(value);
  const object = asObject(value);
  if ('concat' in object) {
    return asList(object['concat'])
      .map((part, index) => valueText(part, types.slice(index, index + 1)))
      .join(' . ');
  }
  if ('prefix' in object) {
    const prefix = asObject(object['prefix']);
    return `${String(prefix['addr'])}/${String(prefix['len'])}`;
  }
  if ('range' in object) return asList(object['range']).map(String).join('-');
  for (const verdict of ['jump', 'goto']) {
    if (verdict in object) return `${verdict} ${String(asObject(object[verdict])['target'])}`;
  }
  return Object.keys(object)[0] ?? '';
}

/** nft says a number where /etc/protocols is missing. */
function protocolName(protocol: number): string {
  const names: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp' };
  return names[protocol] ?? String(protocol);
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
