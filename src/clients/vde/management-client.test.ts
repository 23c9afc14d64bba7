import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManagementClient } from './management-client.js';
import { SwitchControl } from './switch-control.js';

const GREETING = 'VDE switch V.2.3.2\n(C) Virtual Square Team\n\nvde$ ';

let directory: string;
let server: Server;
let received: string[];
const sockets: Socket[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'psl-vde-'));
  received = [];
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A switch that reads one command at a time, as the real one does, and answers by the table; nothing for what is not there. */
async function fakeSwitch(answers: Readonly<Record<string, string>>, greeting = GREETING): Promise<string> {
  const path = join(directory, 'mgmt');
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write(greeting);
    socket.on('data', (chunk: Buffer) => {
      const command = chunk.toString();
      received.push(command);
      const answer = answers[command.trimEnd()];
      if (answer !== undefined) socket.write(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

const soon = (): AbortSignal => AbortSignal.timeout(5000);

describe('ManagementClient', () => {
  it('sends one command at a time and gives each its answer', async () => {
    const path = await fakeSwitch({
      'port/create 3': '1000 Success\n\nvde$ ',
      'port/create 4': '1017 File exists\n\nvde$ ',
      'port/showinfo': "0000 DATA END WITH '.'\nNumports=32\n.\n1000 Success\n\nvde$ ",
    });
    const client = await ManagementClient.connect(path, soon());
    const answers = await Promise.all(
      ['port/create 3', 'port/create 4', 'port/showinfo'].map((line) => client.command(line, soon())),
    );
    expect(answers.map(({ errno, data }) => [errno, ...data])).toEqual([[0], [17], [0, 'Numports=32']]);
    expect(received).toEqual(['port/create 3\n', 'port/create 4\n', 'port/showinfo\n']);
    client.close();
  });

  it('hands events over, whenever they come', async () => {
    const path = await fakeSwitch({
      'debug/add port': '1000 Success\n\nvde$ 3021 port/+ 05\n',
      showinfo: "3022 port/- 05\n0000 DATA END WITH '.'\n.\n1000 Success\n\nvde$ ",
    });
    const events: string[] = [];
    const client = await ManagementClient.connect(path, soon(), ({ path, detail }) => {
      events.push(`${path} ${detail}`);
    });
    await client.command('debug/add port', soon());
    expect((await client.command('showinfo', soon())).errno).toBe(0);
    expect(events).toEqual(['port/+ 05', 'port/- 05']);
    client.close();
  });

  it('names a refusal', async () => {
    const path = await fakeSwitch({ 'vlan/create 9999': '1022 Invalid argument\n\nvde$ ' });
    const client = await ManagementClient.connect(path, soon());
    await expect(new SwitchControl(client, soon()).createVlan(9999)).rejects.toThrow(
      'vde_switch refused `vlan/create 9999`: Invalid argument (22)',
    );
    client.close();
  });

  it('asks port by port when the table breaks off', async () => {
    const port = (number: number): string =>
      `Port 000${number} untagged_vlan=0000 INACTIVE - Unnamed Allocatable\n`;
    const one = (text: string): string => `0000 DATA END WITH '.'\n${text}.\n`;
    const path = await fakeSwitch({
      'port/allprint': `0000 DATA END WITH '.'\n${port(1)}Port 0002 unta\nvde$ `,
      'port/showinfo': `${one('Numports=2\nHUB=false\n')}1000 Success\n\nvde$ `,
      'fstp/showinfo': `${one('FSTP=false\n')}1000 Success\n\nvde$ `,
      'port/allprint 0': `${one('')}1006 No such device or address\n\nvde$ `,
      'port/allprint 1': `${one(port(1))}1000 Success\n\nvde$ `,
      'port/allprint 2': `${one(port(2))}1000 Success\n\nvde$ `,
    });
    const client = await ManagementClient.connect(path, soon());
    const ports = await new SwitchControl(client, soon()).ports();
    expect(ports.map(({ number }) => number)).toEqual([1, 2]);
    client.close();
  });

  it('ends with the signal, and says so to all that wait', async () => {
    const path = await fakeSwitch({});
    const client = await ManagementClient.connect(path, soon());
    const stop = new AbortController();
    const first = client.command('showinfo', stop.signal);
    const second = client.command('port/print', soon());
    stop.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await expect(second).rejects.toThrow('enough');
    await expect(client.command('showinfo', soon())).rejects.toThrow('enough');
  });

  it('does not wait for a greeting for ever', async () => {
    const path = await fakeSwitch({}, '');
    await expect(ManagementClient.connect(path, AbortSignal.timeout(100))).rejects.toThrow(
      /timeout|aborted/i,
    );
  });

  it('tells when the switch ends', async () => {
    const path = await fakeSwitch({});
    const client = await ManagementClient.connect(path, soon());
    const asked = client.command('showinfo', soon());
    sockets[0]?.destroy();
    await expect(asked).rejects.toMatchObject({ problems: [{ code: 'vde/connection-lost' }] });
  });

  it('tells the system’s own error when nobody listens', async () => {
    await expect(ManagementClient.connect(join(directory, 'none'), soon())).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it.each(['', ' showinfo', 'a\nshutdown', 'x'.repeat(127), 'é'])('never sends %j', async (line) => {
    const path = await fakeSwitch({});
    const client = await ManagementClient.connect(path, soon());
    await expect(client.command(line, soon())).rejects.toThrow(TypeError);
    expect(received).toEqual([]);
    client.close();
  });
});
