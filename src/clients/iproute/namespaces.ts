import type { Run } from '../command/run.js';
import { runJson } from './links.js';

export interface NamedNamespace {
  readonly name: string;
  /** By which links of this namespace refer to it; absent until there is a link into it. */
  readonly id?: number;
}

/** Named network namespaces (ip-netns(8)). @throws PasserelleError `iproute/refused`. */
export async function readNamespaces(run: Run, signal: AbortSignal): Promise<NamedNamespace[]> {
  const listing = await runJson(run, ['ip', '-j', 'netns', 'list'], signal);
  return listing.flatMap(({ name, id }) =>
    typeof name === 'string' ? [{ name, ...(typeof id === 'number' && { id }) }] : [],
  );
}
