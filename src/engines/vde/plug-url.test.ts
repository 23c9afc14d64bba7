import { describe, expect, it } from 'vitest';
import { parsePlugUrl } from './plug-url.js';

describe('plug URLs', () => {
  it.each([
    'vxvde://239.1.2.3',
    'vde:///run/other/ctl[3]',
    'udp://5000->192.0.2.2:5000',
    'tap://tap0',
    'vxvde://',
  ])('are given to vde_plug as they are: %s', (url) => {
    expect(parsePlugUrl(url)).toEqual({ module: url.slice(0, url.indexOf(':')), end: [url] });
  });

  it.each([
    ['cmd://ssh kvm2 vde_plug /run/ctl', ['=', 'ssh', 'kvm2', 'vde_plug', '/run/ctl']],
    ['cmd://"ssh kvm2 vde_plug vxvde://"', ['=', 'ssh', 'kvm2', 'vde_plug', 'vxvde://']],
    ["cmd://ssh 'kvm 2' vde_plug", ['=', 'ssh', 'kvm 2', 'vde_plug']],
  ])('are a command where they say so: %s', (url, end) => {
    expect(parsePlugUrl(url)).toEqual({ module: 'cmd', end });
  });

  it.each([
    '',
    'vxvde',
    '/run/ctl',
    '://x',
    '-d://x',
    'a b://x',
    'vde://a\nb',
    'cmd://',
    'cmd://"open',
    'UDP://x',
  ])('are not %j', (url) => {
    expect(parsePlugUrl(url)).toBeUndefined();
  });
});
