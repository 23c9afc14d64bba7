import { expect, it } from 'vitest';
import type { Campus } from '../campus.js';
import { fetchText, patternDigest, startNameServer } from '../host-services.js';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const MEGABYTE = 1024 * 1024;

/** What passes: out through the NAT, in through forwards, across routers; byte for byte. */
export function reach(campus: () => Campus): void {
  it('answers ping at the gateway', async () => {
    const { web1, e1 } = campus();
    await web1.must('ping -c 2 -W 2 10.10.10.1');
    await e1.must('ping -c 2 -W 2 10.20.1.1');
    await e1.must(
      "ping6 -c 2 -W 2 $(ip -6 route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p' | head -n 1)%eth0",
    );
  });

  it('carries TCP out and back, byte for byte', async () => {
    const { web1, hostWeb } = campus();
    const bytes = 16 * MEGABYTE;
    const url = `http://10.10.10.1:${hostWeb.port}/${bytes}`;
    const digest = await web1.must(`timeout 100 wget -q -O - ${url} | md5sum`, { timeoutMs: 110_000 });
    expect(digest).toContain(patternDigest(bytes));
    // Text, since busybox's wget posts up to the first zero byte.
    await web1.must('base64 /bin/busybox >/tmp/upload');
    const upload = `timeout 100 wget -q -O - --post-file=/tmp/upload http://10.10.10.1:${hostWeb.port}/`;
    const [size, md5 = ''] = (await web1.must(upload, { timeoutMs: 110_000 })).split(' ');
    expect(await web1.must('md5sum </tmp/upload')).toContain(md5);
    expect(Number(size)).toBe(Number(await web1.must('wc -c </tmp/upload')));
    expect(Number(size)).toBeGreaterThan(MEGABYTE);
  });

  it('carries IPv6 out and back, byte for byte', async () => {
    const { stage, web1, hostWeb } = campus();
    interface Resolved {
      networks: { name: string; ipv6: { gateway: string } }[];
    }
    const { networks } = await stage.json<Resolved>('validate');
    const gateway = networks.find((network) => network.name === 'web')?.ipv6.gateway;
    const bytes = 4 * MEGABYTE;
    const line = `timeout 60 wget -q -O - "http://[${gateway}]:${hostWeb.port}/${bytes}" | md5sum`;
    expect(await web1.must(line, { timeoutMs: 70_000 })).toContain(patternDigest(bytes));
  });

  it('refuses what the host refuses, at once', async () => {
    const { web1 } = campus();
    const began = Date.now();
    const { output } = await web1.run('timeout 20 wget -q -O - http://10.10.10.1:1/');
    expect(output).toMatch(/refused/i);
    expect(Date.now() - began).toBeLessThan(15_000);
  });

  it('forwards TCP and UDP from the host to a machine', async () => {
    const { web1, ports } = campus();
    expect(await fetchText(ports.http, '/name')).toBe('web1\n');
    await web1.must('(socat UDP4-RECVFROM:7,fork EXEC:cat >/dev/null 2>&1 &) ; usleep 500000');
    const client = createSocket('udp4');
    client.connect(ports.udp, '127.0.0.1');
    await once(client, 'connect');
    client.send('through the forward');
    const [message] = (await once(client, 'message', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    client.close();
    expect(message.toString()).toBe('through the forward');
  });

  it('takes a machine back to its own forward (hairpin)', async () => {
    const { web1, ports } = campus();
    expect(await web1.must(`timeout 10 wget -q -O - http://10.10.10.1:${ports.http}/name`)).toBe('web1');
  });

  it('carries UDP to the host and back', async () => {
    const { web1 } = campus();
    const names = await startNameServer('203.0.113.77');
    try {
      expect(await web1.must(`nslookup -port=${names.port} any.example 10.10.10.1`)).toContain(
        '203.0.113.77',
      );
    } finally {
      names.close();
    }
  });

  it('routes between the networks of the project, and traceroute shows the hops', async () => {
    const { e1, w1 } = campus();
    await e1.must('ping -c 2 -W 2 10.20.2.11');
    expect(await e1.must('timeout 10 wget -q -O - http://10.20.2.11:9090/name')).toBe('w1');
    const hops = await e1.must('traceroute -n -q 1 -w 2 -m 4 10.20.2.11', { timeoutMs: 40_000 });
    expect(hops).toMatch(/ 1 {2}10\.20\.1\.1 /);
    expect(hops).toMatch(/ 2 {2}10\.20\.2\.11 /);
    const remote = await w1.must(
      "ip -6 -o addr show eth0 scope global | sed 's/.*inet6 \\([^/]*\\).*/\\1/' | head -n 1",
    );
    await e1.must(`ping6 -c 2 -W 2 ${remote}`);
  });
}
