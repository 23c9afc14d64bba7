import { expect, it } from 'vitest';
import { cableCommand, switchCommand, switchPortUrl } from './programs.js';

it('starts a switch that reads nobody’s configuration', () => {
  const words = switchCommand({
    controlDirectory: '/run/p/ctl',
    managementSocket: '/run/p/mgmt',
    pidFile: '/run/p/pid',
    portCount: 64,
  });
  expect(words.join(' ')).toBe(
    'vde_switch --daemon --sock /run/p/ctl --mode 0600 --mgmt /run/p/mgmt --mgmtmode 0600 --pidfile /run/p/pid --numports 64 --rcfile /dev/null',
  );
});

it('starts a cable between two plugs', () => {
  const from = switchPortUrl('/run/p/ctl', 3);
  const cable = { from, to: { url: 'vxvde://' }, description: 'shop a', pidFile: '/run/p/cable' };
  expect(cableCommand(cable)).toEqual([
    'vde_plug',
    '--daemon',
    '--pidfile',
    '/run/p/cable',
    '--descr',
    'shop a',
    '--',
    'vde:///run/p/ctl[3]',
    'vxvde://',
  ]);
});

it('starts a cable between a plug and a command', () => {
  const from = switchPortUrl('/run/p/ctl');
  const to = { command: ['node', 'relay.js', '--x'] };
  expect(cableCommand({ from, to, description: 'd', pidFile: '/p' }).slice(-6)).toEqual([
    '--',
    'vde:///run/p/ctl',
    '=',
    'node',
    'relay.js',
    '--x',
  ]);
});
