import { expect, it } from 'vitest';
import { type Run, runnerIn } from '../command/run.js';
import { interfaceSetting, parseSettings, readSettings, settingPath, writeSettings } from './sysctl.js';

const signal = new AbortController().signal;

it('writes a dot in an interface name as sysctl wants it', () => {
  expect(interfaceSetting('ipv4', 'eth0.42', 'forwarding')).toBe('net.ipv4.conf.eth0/42.forwarding');
});

it('reads what is there and nothing else', () => {
  const settings = parseSettings(
    'net.ipv4.ip_forward = 1\nsysctl: cannot stat x\nnet.ipv4.tcp_mem = 1\t2\t3\n',
  );
  expect([...settings]).toEqual([
    ['net.ipv4.ip_forward', '1'],
    ['net.ipv4.tcp_mem', '1\t2\t3'],
  ]);
});

it('asks and tells nothing when there is nothing to ask or tell', async () => {
  const run: Run = () => Promise.reject(new Error('not called'));
  expect((await readSettings(run, [], signal)).size).toBe(0);
  await writeSettings(run, new Map(), signal);
});

it('says what the kernel refused', async () => {
  const run: Run = () => Promise.resolve({ exitCode: 1, stdout: '', stderr: 'permission denied on key x' });
  await expect(writeSettings(run, new Map([['x', '1']]), signal)).rejects.toMatchObject({
    problems: [{ code: 'sysctl/refused', message: expect.stringContaining('permission denied') as string }],
  });
});

it('knows the file of a setting', () => {
  expect(settingPath('net.ipv4.conf.eth0/42.forwarding')).toBe('/proc/sys/net/ipv4/conf/eth0.42/forwarding');
});

it('reads those of its own namespace itself, and passes over what is not there', async () => {
  const settings = await readSettings(runnerIn(), ['kernel.ostype', 'kernel.no_such_setting'], signal);
  expect([...settings]).toEqual([['kernel.ostype', 'Linux']]);
});

it('says which setting of its own namespace was refused', async () => {
  await expect(
    writeSettings(runnerIn(), new Map([['kernel.no_such_setting', '1']]), signal),
  ).rejects.toMatchObject({
    problems: [{ message: expect.stringContaining('kernel.no_such_setting = 1') as string }],
  });
});
