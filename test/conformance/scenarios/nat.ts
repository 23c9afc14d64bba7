import { expect } from 'vitest';
import { patternDigest } from '../pattern.js';
import type { Scenario } from '../scenario.js';
import { HOST, OUTSIDE, OUTSIDE_IPV6 } from '../world.js';

const MEGABYTE = 1024 * 1024;

/** Outwards behind the host's address, byte for byte. */
export const nat: readonly Scenario[] = [
  {
    title: 'answers ping at the gateway, and is the host to those outside',
    proves: ['nat'],
    async run({ web1 }) {
      await web1.must('ping -c 2 -W 2 10.10.10.1');
      expect(await web1.must(`timeout 20 wget -q -O - http://${OUTSIDE}/who`)).toBe(HOST);
    },
  },
  {
    title: 'carries TCP out and back, byte for byte',
    proves: ['nat'],
    async run({ web1 }) {
      const bytes = 8 * MEGABYTE;
      const line = `timeout 100 wget -q -O - http://${OUTSIDE}/${bytes} | md5sum`;
      expect(await web1.must(line, { timeoutMs: 110_000 })).toContain(patternDigest(bytes));
      // Text, since busybox's wget posts up to the first zero byte.
      await web1.must('base64 /bin/busybox >/tmp/upload');
      const upload = `timeout 100 wget -q -O - --post-file=/tmp/upload http://${OUTSIDE}/`;
      const [size, md5 = ''] = (await web1.must(upload, { timeoutMs: 110_000 })).split(' ');
      expect(await web1.must('md5sum </tmp/upload')).toContain(md5);
      expect(Number(size)).toBe(Number(await web1.must('wc -c </tmp/upload')));
      expect(Number(size)).toBeGreaterThan(MEGABYTE);
    },
  },
  {
    title: 'carries IPv6 out and back, byte for byte',
    proves: ['nat', 'ipv6'],
    async run({ web1 }) {
      const bytes = 4 * MEGABYTE;
      await expect.poll(() => web1.must('ip -6 route'), { timeout: 15_000 }).toContain('default via');
      const line = `timeout 60 wget -q -O - "http://[${OUTSIDE_IPV6}]/${bytes}" | md5sum`;
      expect(await web1.must(line, { timeoutMs: 70_000 })).toContain(patternDigest(bytes));
    },
  },
  {
    title: 'carries UDP out and back',
    proves: ['nat'],
    async run({ web1 }) {
      expect(await web1.must(`nslookup -port=5353 any.example ${OUTSIDE}`)).toContain('203.0.113.77');
    },
  },
  {
    title: 'refuses what the outside refuses, at once',
    proves: ['nat'],
    async run({ web1 }) {
      const { output } = await web1.run(`timeout 20 wget -q -O - http://${OUTSIDE}:1/`);
      expect(output).toMatch(/refused/i);
    },
  },
];
