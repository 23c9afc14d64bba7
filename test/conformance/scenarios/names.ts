import { expect, it } from 'vitest';
import type { Campus } from '../campus.js';

export function names(campus: () => Campus): void {
  it('resolves machines by short and full name, and addresses back', async () => {
    const { web1, e1 } = campus();
    expect(await web1.must('nslookup web1.campus.internal 10.10.10.1')).toContain('10.10.10.11');
    expect(await e1.must('nslookup w1.campus.internal 10.20.1.1')).toContain('10.20.2.11');
    expect(await web1.must('nslookup 10.10.10.11 10.10.10.1')).toContain('web1.campus.internal');
  });

  it('says that a name of the project does not exist when it does not', async () => {
    const { web1 } = campus();
    const { status, output } = await web1.run('nslookup nobody.campus.internal 10.10.10.1');
    expect(status).not.toBe(0);
    expect(output).toContain('NXDOMAIN');
  });

  it('resolves on an isolated network only what is on it', async () => {
    const { db1 } = campus();
    const server = await db1.must("sed -n 's/^nameserver //p' /etc/resolv.conf | head -n 1");
    expect(await db1.must(`nslookup web1.campus.internal ${server}`)).toContain('10.10.20.11');
    const { output } = await db1.run(`nslookup e1.campus.internal ${server}`);
    expect(output).not.toContain('10.20.1.11');
  });
}
