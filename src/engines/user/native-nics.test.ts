import { describe, expect, it } from 'vitest';
import type { FabricNetwork, FabricPort } from '../../fabric/control/protocol.js';
import type { Machine, Network, Nic } from '../../topology/topology.js';
import { checkNics, nativeProblems } from './check.js';
import { insideLines } from './namespaces.js';
import { memorySizeOf, netdevArguments } from './netdev.js';

const source = { file: 'shop.yaml', line: 7, column: 3 };
const places = { runDir: '/run/passerelle/shop', stateDir: '/var/lib/passerelle/shop' };
const network = { name: 'web', mtuBytes: 1500 } as Network;

function nic(index: number, options: Record<string, unknown>, model = 'virtio-net-pci'): Nic {
  return {
    id: `web1/${index}`,
    machine: 'web1',
    index,
    network: 'web',
    mac: '52:54:00:00:00:01',
    model,
    antiSpoofing: true,
    interfaceName: 'pslabc',
    options,
    source,
  };
}

function machine(command: readonly string[] | undefined, ...nics: readonly Nic[]): Machine {
  return { name: 'web1', nics, source, ...(command && { command }) };
}

const shared = { port: 'vhost-user' };

describe('the flags of a vhost-user NIC', () => {
  it('share as much memory as the machine has, once', () => {
    const nics = [nic(0, shared), nic(1, shared)];
    const whole = machine(['qemu-system-x86_64', '-m', '1G', '-accel', 'tcg'], ...nics);
    const flags = nics.map((one) => netdevArguments(places, one, network, whole).join(' '));
    expect(flags[0]).toBe(
      '-object memory-backend-memfd,id=psl-memory,size=1G,share=on -machine memory-backend=psl-memory ' +
        '-chardev socket,id=psl0-vhost,path=/run/passerelle/shop/nics/web1-0.sock,server=on,wait=off ' +
        '-netdev vhost-user,id=psl0,chardev=psl0-vhost ' +
        '-device virtio-net-pci,netdev=psl0,mac=52:54:00:00:00:01,vectors=0',
    );
    expect(flags[1]).not.toContain('memory');
  });

  it('leave memory to a command that shares it, and MSI-X to KVM', () => {
    const command = ['qemu', '-accel', 'kvm', '-machine', 'q35,memory-backend=mine'];
    const one = nic(0, shared);
    const flags = netdevArguments(places, one, network, machine(command, one)).join(' ');
    expect(flags).not.toContain('-object');
    expect(flags).not.toContain('vectors');
  });

  it.each([
    [['-m', '256'], '256M'],
    [['-m', '2G'], '2G'],
    [['-m', 'size=512M,slots=2,maxmem=4G'], '512M'],
    [['-m', '1024,slots=2'], '1024M'],
    [['-smp', '2'], '128M'],
  ])('read %s as %s', (command, size) => {
    expect(memorySizeOf(command)).toBe(size);
  });
});

describe('NICs that are more than a socket', () => {
  const codes = (options: Record<string, unknown>, model?: string): string[] =>
    checkNics([nic(0, options, model)]).map(({ code }) => code);

  it('are refused where they contradict themselves', () => {
    expect(codes(shared)).toEqual([]);
    expect(codes({ attach: 'netns' })).toEqual([]);
    expect(codes({ attach: 'macvtap' })).toEqual(['user/no-macvtap']);
    expect(codes({ ...shared, attach: 'tap' })).toEqual(['user/port-and-attach']);
    expect(codes(shared, 'e1000')).toEqual(['user/vhost-user-model']);
  });

  it('say what the host lacks for them, with the line', () => {
    const both = [nic(0, shared), nic(1, { attach: 'tap' })];
    const told = (hasKoffi: boolean, mayMakeDevices: boolean): string[] =>
      nativeProblems(both, { hasKoffi, mayMakeDevices }).map(({ code }) => code);
    expect(told(true, true)).toEqual([]);
    expect(told(true, false)).toEqual(['user/tap-needs-root']);
    expect(told(false, true)).toEqual(['user/koffi-missing', 'user/koffi-missing']);
    expect(nativeProblems(both, { hasKoffi: false, mayMakeDevices: false })[0]?.at).toEqual(source);
  });

  it('are told their addresses and ways out where they are namespaces', () => {
    const port = { ipv4: '10.0.0.2', ipv6: 'fd00::2', tap: { interfaceName: 'tap0' } } as FabricPort;
    const ipv4 = { address: '10.0.0.0', prefixLength: 24, gateway: '10.0.0.1' };
    const ipv6 = { address: 'fd00::', prefixLength: 64, gateway: 'fd00::1' };
    const lines = (mode: FabricNetwork['mode']): string[] =>
      insideLines(port, { mode, ipv4, ipv6 } as FabricNetwork);
    expect(lines('nat')).toEqual([
      'link set dev lo up',
      'link set dev tap0 up',
      'address replace 10.0.0.2/24 dev tap0',
      'address replace fd00::2/64 dev tap0 nodad',
      'route replace default via 10.0.0.1 dev tap0',
      'route replace default via fd00::1 dev tap0',
    ]);
    expect(lines('isolated').some((line) => line.startsWith('route'))).toBe(false);
  });
});
