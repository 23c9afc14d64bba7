import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { operatorPeer, peerOf } from './operator-peer.js';

it('reads the client off what sshd says', () => {
  expect(peerOf(['A=1', 'SSH_CONNECTION=203.0.113.9 51000 192.0.2.2 22'])).toBe('203.0.113.9');
  expect(peerOf(['SSH_CONNECTION='])).toBeUndefined();
  expect(peerOf([])).toBeUndefined();
});

it('finds it behind a program that took it out of the environment, as sudo does', async () => {
  const line = "env -u SSH_CONNECTION sh -c 'echo $$; read line'; true";
  const child = spawn('sh', ['-c', line], {
    env: { ...process.env, SSH_CONNECTION: '203.0.113.9 51000 192.0.2.2 22' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(await operatorPeer(Number(String(said)))).toBe('203.0.113.9');
  child.stdin.end('\n');
  await once(child, 'exit');
});
