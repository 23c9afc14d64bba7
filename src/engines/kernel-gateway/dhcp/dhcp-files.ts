/** Configurations of the dnsmasq instances of a project: where they are, what stands in them, how resources become blocks. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type ConfigBlock, formatBlocks, parseBlocks } from '../../../clients/dnsmasq/config-blocks.js';
import {
  type DnsmasqHost,
  type DnsmasqNetwork,
  type DnsmasqPaths,
  type DnsmasqServer,
  hostLines,
  networkLines,
  serverLines,
} from '../../../clients/dnsmasq/config-lines.js';
import type { Places } from '../../../places.js';
import { type Change, type Resource, subjectOf } from '../../../plan/resource.js';
import { NETWORK_KIND, SERVER_KIND } from './dhcp-resources.js';

export class DhcpFiles {
  readonly directory: string;
  readonly leaseDirectory: string;

  constructor(provider: string, places: Places) {
    this.directory = join(places.runDir, provider, 'dnsmasq');
    this.leaseDirectory = join(places.stateDir, provider);
  }

  paths(instance: string): DnsmasqPaths {
    const base = join(this.directory, instance);
    return {
      config: `${base}.conf`,
      pid: `${base}.pid`,
      staleMark: `${base}.stale`,
      leases: join(this.leaseDirectory, `${instance}.leases`),
    };
  }

  async instances(): Promise<string[]> {
    const names = await readdir(this.directory).catch(() => []);
    return names.filter((name) => name.endsWith('.conf')).map(instanceOfPath);
  }

  async read(instance: string): Promise<ConfigBlock[]> {
    const text = await readFile(this.paths(instance).config, 'utf8').catch(() => '');
    return parseBlocks(text, this.renderFor(instance));
  }

  async isStale(instance: string): Promise<boolean> {
    return readFile(this.paths(instance).staleMark).then(
      () => true,
      () => false,
    );
  }

  /** Writes what the process has yet to read; {@link unmarkStale} when it has. */
  async write(instance: string, blocks: readonly ConfigBlock[]): Promise<void> {
    const paths = this.paths(instance);
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    await mkdir(this.leaseDirectory, { recursive: true, mode: 0o700 });
    await writeFile(paths.staleMark, '');
    await writeFile(paths.config, formatBlocks(blocks, this.renderFor(instance)), { mode: 0o600 });
  }

  async unmarkStale(instance: string): Promise<void> {
    await rm(this.paths(instance).staleMark, { force: true });
  }

  /** Removes everything but the leases, which outlive the network. */
  async remove(instance: string): Promise<void> {
    const { leases: _kept, ...files } = this.paths(instance);
    await Promise.all(Object.values(files).map((path) => rm(path, { force: true })));
  }

  renderFor(instance: string): (block: ConfigBlock) => readonly string[] {
    const paths = this.paths(instance);
    return ({ kind, name, value }) => {
      switch (kind) {
        case SERVER_KIND:
          return serverLines(value as DnsmasqServer, paths);
        case NETWORK_KIND:
          return networkLines(name, value as DnsmasqNetwork);
        default:
          return hostLines(value as DnsmasqHost);
      }
    };
  }
}

/** `/run/…/main.conf` -> `main`. */
export function instanceOfPath(path: string): string {
  return basename(path, '.conf');
}

/** The instance that a resource of DHCP belongs to. */
export function instanceOf(resource: Resource): string {
  return resource.kind === SERVER_KIND ? nameOf(resource) : String(resource.properties['instance']);
}

/** The instances a change concerns: two when a network moves from one to another. */
export function instancesOf(change: Change): Set<string> {
  const subject = subjectOf(change);
  const before = change.action === 'create' ? subject : change.before;
  return new Set([instanceOf(before), instanceOf(subject)]);
}

/** What the resource is called within its kind: the id without provider and kind. */
export function nameOf(resource: Resource): string {
  return resource.id.split('/').slice(2).join('/');
}

export function blockOf(resource: Resource): ConfigBlock {
  const { instance: _instance, isCurrent: _isCurrent, ...value } = resource.properties;
  return { kind: resource.kind, name: nameOf(resource), value };
}

/** The blocks of an instance after the changes: those that stay in their order, then those that come. */
export function changedBlocks(
  standing: readonly ConfigBlock[],
  instance: string,
  changes: readonly Change[],
): ConfigBlock[] {
  const key = (block: ConfigBlock): string => `${block.kind} ${block.name}`;
  const blocks = new Map(standing.map((block) => [key(block), block]));
  for (const change of changes) {
    const block = blockOf(subjectOf(change));
    if (change.action !== 'delete' && instanceOf(change.after) === instance) blocks.set(key(block), block);
    else blocks.delete(key(block));
  }
  return [...blocks.values()];
}
