import { expect, it } from 'vitest';
import { campusFile, type Campus } from '../campus.js';
import { fetchText, freePort } from '../host-services.js';

/** An edited file changes what differs and nothing else: a transfer runs through every edit. */
export function liveEdits(campus: () => Campus): void {
  it('changes nothing the second time', async () => {
    const { stage } = campus();
    expect((await stage.passerelle('plan')).status).toBe(0);
    expect(await stage.must('up')).toContain('nothing to do');
  });

  it('adds and removes machines, forwards and networks under a running transfer', async () => {
    const { stage, engine, ports, hostWeb, web1 } = campus();
    const transfer = web1.must(`timeout 60 wget -q -O - http://10.10.10.1:${hostWeb.port}/slow/12`, {
      timeoutMs: 70_000,
    });
    const extraPort = await freePort();
    const edits = [
      { machines: '  guest9: { nics: [{ network: web }] }' },
      { machines: `  guest9: { nics: [{ network: web, forwards: ["127.0.0.1:${extraPort}:80"] }] }` },
      {
        networks: '  lab: { mode: nat }',
        machines: '  lab1: { nics: [{ network: lab }, { network: back }] }',
      },
      {},
    ];
    for (const edit of edits) {
      await stage.write(campusFile(engine, ports, edit));
      const { status, stderr } = await stage.passerelle('up');
      expect(status, stderr).toBe(0);
      expect(await fetchText(ports.http, '/name')).toBe('web1\n');
    }
    expect(await transfer).toContain('complete');
  });

  it('moves a forward live', async () => {
    const { stage, engine, ports } = campus();
    const moved = { ...ports, http: await freePort() };
    await stage.write(campusFile(engine, moved));
    await stage.must('up');
    expect(await fetchText(moved.http, '/name')).toBe('web1\n');
    await expect(fetchText(ports.http, '/name')).rejects.toThrow();
    await stage.write(campusFile(engine, ports));
    await stage.must('up');
    expect(await fetchText(ports.http, '/name')).toBe('web1\n');
  });

  it('asks before it interrupts', async () => {
    const { stage, engine, ports } = campus();
    await stage.write(
      campusFile(engine, ports).replace('10.20.1.11', '10.20.1.11, mac: "52:54:00:aa:bb:cc"'),
    );
    const { status, stderr } = await stage.passerelle('up');
    expect(status).toBe(1);
    expect(stderr).toContain('--allow-disruption');
    await stage.write(campusFile(engine, ports));
    expect((await stage.passerelle('plan')).status).toBe(0);
  });

  it('puts everything back when a part cannot be done', async () => {
    const { stage, engine, ports, hostWeb } = campus();
    const taken = `  guest9: { nics: [{ network: web, forwards: ["127.0.0.1:${hostWeb.port}:80"] }] }`;
    await stage.write(campusFile(engine, ports, { machines: taken }));
    const { status, stderr } = await stage.passerelle('up');
    expect(status).toBe(2);
    expect(stderr).toMatch(/passerelle\.yaml:\d+:\d+: error: .*taken/);
    await stage.write(campusFile(engine, ports));
    expect((await stage.passerelle('plan')).status).toBe(0);
  });
}
