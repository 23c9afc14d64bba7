/**
 * Keeps the dnsmasq instances of a project. Theory of operation: an instance is a configuration and a process that has
 * read it. A mark stands from before the configuration is written until the process runs with it, so that a kill in
 * between shows as a server that is not current. Any change restarts the process: it takes some 20 ms, leases stay, and
 * an advertisement goes out at once.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Run, runnerIn } from '../../../clients/command/run.js';
import type { ConfigBlock } from '../../../clients/dnsmasq/config-blocks.js';
import type { DnsmasqHost } from '../../../clients/dnsmasq/config-lines.js';
import { type DnsmasqLease, parseLeases } from '../../../clients/dnsmasq/leases.js';
import { findProcesses, startDnsmasq, stopDnsmasq } from '../../../clients/dnsmasq/process.js';
import { type Change, type Json, type Resource, subjectOf } from '../../../plan/resource.js';
import { changedBlocks, type DhcpFiles, instanceOfPath, instancesOf, nameOf } from './dhcp-files.js';
import { DHCP_KINDS, HOST_KIND, NETWORK_KIND, SERVER_KIND, type ServerProperties } from './dhcp-resources.js';

export class DhcpService {
  readonly #provider: string;
  readonly #files: DhcpFiles;
  readonly #run: Run;

  /** @param run runs programs where the host's own instances live. */
  constructor(provider: string, files: DhcpFiles, run: Run) {
    this.#provider = provider;
    this.#files = files;
    this.#run = run;
  }

  async observe(): Promise<Resource[]> {
    const processes = findProcesses(this.#files.directory);
    const instances = new Set([
      ...(await this.#files.instances()),
      ...[...processes.keys()].map(instanceOfPath),
    ]);
    const perInstance = await Promise.all(
      [...instances].map(async (instance) => {
        const blocks = await this.#files.read(instance);
        const parts = blocks
          .filter(({ kind }) => kind !== SERVER_KIND)
          .map((block) => this.#partResource(instance, block));
        const isRunning = processes.has(this.#files.paths(instance).config);
        const server = serverOf(blocks);
        if (!isRunning && server === undefined) return parts;
        const properties: ServerProperties = {
          namespace: server?.namespace ?? null,
          upstream: server?.upstream ?? [],
          isCurrent: isRunning && server !== undefined && !(await this.#files.isStale(instance)),
        };
        return [...parts, this.#serverResource(instance, properties, parts)];
      }),
    );
    return perInstance.flat();
  }

  /** Ends the servers that go, before what they stand on goes. */
  async retire(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const leaving = changes.filter(
      (change) => change.action === 'delete' && change.before.kind === SERVER_KIND,
    );
    if (leaving.length === 0) return;
    const processes = findProcesses(this.#files.directory);
    await Promise.all(
      leaving.map(async (change) => {
        const pid = processes.get(this.#files.paths(nameOf(subjectOf(change))).config);
        if (pid !== undefined) await stopDnsmasq(pid, signal);
      }),
    );
  }

  /** Writes what changed and makes the servers read it. @throws PasserelleError `dnsmasq/refused`. */
  async serve(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const byInstance = new Map<string, Change[]>();
    for (const change of changes) {
      if (!DHCP_KINDS.has(subjectOf(change).kind)) continue;
      for (const instance of instancesOf(change)) {
        const concerned = byInstance.get(instance);
        if (concerned === undefined) byInstance.set(instance, [change]);
        else concerned.push(change);
      }
    }
    if (byInstance.size === 0) return;
    const processes = findProcesses(this.#files.directory);
    for (const [instance, concerned] of byInstance) {
      await this.#update(instance, concerned, processes.get(this.#files.paths(instance).config), signal);
    }
  }

  /** Every lease on file, of instances that run and of earlier ones. */
  async leases(): Promise<DnsmasqLease[]> {
    const directory = this.#files.leaseDirectory;
    const names = await readdir(directory).catch(() => []);
    const files = names.filter((name) => name.endsWith('.leases'));
    const texts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
    return texts.flatMap(parseLeases);
  }

  async #update(
    instance: string,
    changes: readonly Change[],
    pid: number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const files = this.#files;
    const wanted = changedBlocks(await files.read(instance), instance, changes);
    await files.write(instance, wanted);
    if (pid !== undefined) await stopDnsmasq(pid, signal);
    const server = serverOf(wanted);
    if (server !== undefined) {
      const run = server.namespace === null ? this.#run : runnerIn(server.namespace);
      await startDnsmasq(run, files.paths(instance).config, signal);
      await files.unmarkStale(instance);
    } else if (wanted.length === 0) {
      await files.remove(instance);
    }
  }

  #partResource(instance: string, { kind, name, value }: ConfigBlock): Resource {
    const host = kind === HOST_KIND ? (value as DnsmasqHost) : undefined;
    return {
      id: `${this.#provider}/${kind}/${name}`,
      provider: this.#provider,
      kind,
      properties: { instance, ...(value as Record<string, Json>) },
      needs: host === undefined ? [] : [`${this.#provider}/${NETWORK_KIND}/${host.network}`],
      affects: host === undefined ? [] : [host.name],
    };
  }

  #serverResource(instance: string, properties: ServerProperties, parts: readonly Resource[]): Resource {
    return {
      id: `${this.#provider}/${SERVER_KIND}/${instance}`,
      provider: this.#provider,
      kind: SERVER_KIND,
      properties: { ...properties },
      needs: parts.map(({ id }) => id),
      affects: [],
    };
  }
}

function serverOf(blocks: readonly ConfigBlock[]): ServerProperties | undefined {
  return blocks.find(({ kind }) => kind === SERVER_KIND)?.value as ServerProperties | undefined;
}
