import { describe, expect, it } from 'vitest';
import { plugOf, withDeviceId } from './nic-plug.js';

describe('plugOf', () => {
  it('types what QMP wants typed, and nests what has dots', () => {
    expect(
      plugOf([
        '-netdev',
        'stream,id=n0,server=on,addr.type=unix,addr.path=/run/a,,b',
        '-device',
        'virtio-net-pci,id=c0,netdev=n0,mac=52:54:00:00:00:01,host_mtu=1400,romfile=',
      ]),
    ).toEqual({
      netdevId: 'n0',
      deviceId: 'c0',
      netdev: { type: 'stream', id: 'n0', server: true, addr: { type: 'unix', path: '/run/a,b' } },
      device: {
        driver: 'virtio-net-pci',
        id: 'c0',
        netdev: 'n0',
        mac: '52:54:00:00:00:01',
        host_mtu: 1400,
        romfile: '',
      },
    });
  });

  it('leaves strings that look like numbers or switches', () => {
    const netdevOf = (text: string) => plugOf(['-device', 'e1000,id=c0', '-netdev', text])?.netdev;
    expect(netdevOf('tap,id=n0,ifname=7,fd=5,script=no,downscript=no,vhost=off,queues=2')).toEqual({
      type: 'tap',
      id: 'n0',
      ifname: '7',
      fd: '5',
      script: 'no',
      downscript: 'no',
      vhost: false,
      queues: 2,
    });
    expect(netdevOf('stream,id=n0,addr.type=inet,addr.host=1,addr.port=1234')).toMatchObject({
      addr: { type: 'inet', host: '1', port: '1234' },
    });
    expect(netdevOf('vde,id=n0,sock=/s,port=3')).toMatchObject({ port: 3 });
    expect(netdevOf('user,id=n0,hostfwd=tcp::1-:2,hostfwd=tcp::3-:4')).toMatchObject({
      hostfwd: [{ str: 'tcp::1-:2' }, { str: 'tcp::3-:4' }],
    });
  });

  it('takes JSON as it is', () => {
    const netdev = { type: 'user', id: 'n0' };
    const device = { driver: 'e1000', id: 'c0', netdev: 'n0' };
    expect(plugOf(['-netdev', JSON.stringify(netdev), '-device', JSON.stringify(device)])).toEqual({
      netdevId: 'n0',
      deviceId: 'c0',
      netdev,
      device,
    });
  });

  it.each([
    [['-nic', 'user']],
    [['-netdev', 'user,id=n0', '-device', 'e1000,netdev=n0']],
    [['-netdev', 'user', '-device', 'e1000,id=c0']],
    [['-chardev', 'socket,id=c', '-netdev', 'vhost-user,id=n0,chardev=c', '-device', 'virtio-net-pci,id=d']],
    [['-netdev', '{broken', '-device', '{"id": 4}']],
    [[]],
  ])('says that %j comes and goes with the machine only', (args) => {
    expect(plugOf(args)).toBeUndefined();
  });
});

describe('withDeviceId', () => {
  it('names a device that has no name', () => {
    expect(withDeviceId(['-netdev', 'user,id=n0', '-device', 'e1000,netdev=n0'], 'web1/0')).toEqual([
      '-netdev',
      'user,id=n0',
      '-device',
      'e1000,netdev=n0,id=nic-web1-0',
    ]);
    const named = ['-device', 'e1000,id=mine,netdev=n0', '-device', '{"driver":"e1000"}'];
    expect(withDeviceId(named, 'web1/0')).toEqual(named);
  });
});
