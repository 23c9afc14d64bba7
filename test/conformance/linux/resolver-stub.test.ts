/** A host whose names are systemd-resolved's: /etc/resolv.conf names 127.0.0.53, which only the host itself can ask. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import type { Engine } from '../../../src/engines/contract.js';
import { converge } from './converge.js';
import { NamespaceLab, PROJECT, machine, whyNot } from './namespace-lab.js';
import { topologyOf } from './topologies.js';

const reason = whyNot();
if (reason !== undefined) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('names on a host with a stub resolver', () => {
  let lab: NamespaceLab;
  let engine: Engine;
  /** `ip netns exec` puts it in the place of /etc/resolv.conf (ip-netns(8)). */
  let ofNamespace: string;
  const topology = topologyOf(PROJECT, [{ name: 'web', mode: 'nat', net: '10.77.1' }], {
    web1: [{ network: 'web', host: 11 }],
  });

  beforeAll(async () => {
    lab = new NamespaceLab();
    ofNamespace = join('/etc/netns', lab.host);
    await mkdir(ofNamespace, { recursive: true });
    await writeFile(join(ofNamespace, 'resolv.conf'), 'nameserver 127.0.0.53\noptions edns0 trust-ad\n');
    lab.background(lab.host, [
      'dnsmasq',
      '--keep-in-foreground',
      '--no-resolv',
      '--no-hosts',
      '--conf-file=/dev/null',
      '--bind-interfaces',
      '--listen-address=127.0.0.53',
      '--pid-file',
      // As resolved does for a link with a domain of its own.
      '--address=/only.this.link.example/198.51.100.99',
    ]);
    engine = createLinuxEngine({ project: PROJECT, places: lab.places }, { namespace: lab.host });
    await converge(engine, topology);
  });
  afterAll(async () => {
    try {
      await converge(engine, undefined);
    } finally {
      await rm(ofNamespace, { recursive: true });
      await lab.close();
    }
  });

  it('are those that the stub knows, asked at the gateway', () => {
    const web1 = machine('web1');
    expect(lab.say(web1, 'busybox nslookup only.this.link.example 10.77.1.1').text).toContain(
      '198.51.100.99',
    );
    expect(lab.say(web1, 'busybox nslookup only.this.link.example 127.0.0.53').text).not.toContain('198.51');
    expect(lab.say(web1, `busybox nslookup web1.${PROJECT}.internal 10.77.1.1`).text).toContain('10.77.1.11');
  });
});
