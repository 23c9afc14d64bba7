import { expect, it } from 'vitest';
import { defaultRouteDevice } from './host-devices.js';

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
const line = (device: string, flags: string, metric: number, destination = '00000000', mask = '00000000') =>
  `${device}\t${destination}\t010200C0\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0\n`;

it('finds the default route that is up and has the lowest metric', () => {
  const table =
    HEAD +
    line('eth0', '0003', 100) +
    line('wlan0', '0003', 20) +
    line('eth9', '0002', 0) +
    line('tun0', '0001', 0, '00000000', '000000FF') +
    line('eth1', '0001', 0, '000200C0', '00FFFFFF');
  expect(defaultRouteDevice(table)).toBe('wlan0');
  expect(defaultRouteDevice(HEAD)).toBeUndefined();
});
