/** Where questions go that are not ours: addresses from the file, or those of the host's own resolver. */
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

export interface Upstream {
  /** IPv4 or IPv6 text; a link-local one with its zone (`fe80::1%eth0`). */
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
}

const DNS_PORT = 53;
/** As many as the C library uses (MAXNS, resolv.h). */
const MAX_HOST_RESOLVERS = 3;
/** A change of the file is seen after this at the latest, ms. */
const RECHECK_INTERVAL_MS = 1000;
const RESOLV_CONF = '/etc/resolv.conf';

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`; `undefined` for anything else. */
export function parseUpstream(text: string): Upstream | undefined {
  const withPort = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:]+)):(?<port>\d{1,5})$/.exec(text)?.groups;
  const address = withPort?.['bracketed'] ?? withPort?.['plain'] ?? text;
  const port = withPort === undefined ? DNS_PORT : Number(withPort['port']);
  const family = isIP(address);
  if ((family !== 4 && family !== 6) || port < 1 || port > 65_535) return undefined;
  return { address, port, family };
}

/** The servers of a resolv.conf (resolv.conf(5)), at most three. */
export function parseResolvConf(text: string): Upstream[] {
  const upstreams: Upstream[] = [];
  for (const line of text.split('\n')) {
    const address = /^nameserver[ \t]+([^\s#;]+)/.exec(line)?.[1];
    const upstream = address === undefined || isIP(address) === 0 ? undefined : parseUpstream(address);
    if (upstream !== undefined && upstreams.length < MAX_HOST_RESOLVERS) upstreams.push(upstream);
  }
  return upstreams;
}

/** The host's resolvers, read again when the file changed: laptops move, VPNs come up. */
export class HostResolvers {
  readonly #path: string;
  readonly #recheckIntervalMs: number;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  /** What `stat` said of the content that was read. */
  #version: string | undefined;
  #upstreams: readonly Upstream[] = [];

  constructor(path = RESOLV_CONF, recheckIntervalMs = RECHECK_INTERVAL_MS) {
    this.#path = path;
    this.#recheckIntervalMs = recheckIntervalMs;
  }

  /** Empty while there is no such file, or none in it. */
  current(nowMs = performance.now()): readonly Upstream[] {
    if (nowMs - this.#checkedAtMs < this.#recheckIntervalMs) return this.#upstreams;
    this.#checkedAtMs = nowMs;
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version !== this.#version) {
        this.#upstreams = parseResolvConf(readFileSync(this.#path, 'utf8'));
        this.#version = version;
      }
    } catch {
      this.#upstreams = [];
      this.#version = undefined;
    }
    return this.#upstreams;
  }
}
