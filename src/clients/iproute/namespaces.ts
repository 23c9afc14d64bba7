import { readdir } from 'node:fs/promises';
import type { Run } from '../command/run.js';
import { runJson } from './links.js';

export interface NamedNamespace {
  readonly name: string;
  /** By which links of this namespace refer to it; absent until there is a link into it. */
  readonly id?: number;
}

/** Where their names are. Asking costs a program, and most hosts have none. */
const DIRECTORY = '/run/netns';

/** Named network namespaces (ip-netns(8)). @throws PasserelleError `iproute/refused`. */
export async function readNamespaces(run: Run, signal: AbortSignal): Promise<NamedNamespace[]> {
  if ((await readdir(DIRECTORY).catch(() => [])).length === 0) return [];
  const listing = await runJson(run, ['ip', '-j', 'netns', 'list'], signal);
  return listing.flatMap(({ name, id }) =>
    typeof name === 'string' ? [{ name, ...(typeof id === 'number' && { id }) }] : [],
  );
}
