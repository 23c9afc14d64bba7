import { expect } from 'vitest';
import type { Scenario } from '../scenario.js';

const SERVER = "sed -n 's/^nameserver //p' /etc/resolv.conf | head -n 1";

export const names: readonly Scenario[] = [
  {
    title: 'resolves machines by name, and addresses back',
    proves: ['dns'],
    async run({ web1, e1 }) {
      expect(await web1.must('nslookup web1.campus.internal 10.10.10.1')).toContain('10.10.10.11');
      expect(await e1.must('nslookup w1.campus.internal 10.20.1.1')).toContain('10.20.2.11');
      expect(await web1.must('nslookup 10.10.10.11 10.10.10.1')).toContain('web1.campus.internal');
    },
  },
  {
    title: 'says that a name of the project does not exist when it does not',
    proves: ['dns'],
    async run({ web1 }) {
      const { status, output } = await web1.run('nslookup nobody.campus.internal 10.10.10.1');
      expect(status).not.toBe(0);
      expect(output).toContain('NXDOMAIN');
    },
  },
  {
    title: 'resolves on an isolated network only what is on it',
    proves: ['dns', 'isolated'],
    async run({ db1 }) {
      const server = await db1.must(SERVER);
      expect(await db1.must(`nslookup web1.campus.internal ${server}`)).toContain('10.10.20.11');
      const { output } = await db1.run(`nslookup e1.campus.internal ${server}`);
      expect(output).not.toContain('10.20.1.11');
    },
  },
];
