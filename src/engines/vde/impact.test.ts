import { describe, expect, it } from 'vitest';
import type { Change, Impact, Resource } from '../../plan/resource.js';
import { canUpdateLive, impactOf } from './impact.js';
import { cableResource, portResource, runningSwitch, switchResource, type SwitchState } from './resources.js';

const settings = { portCount: 1024, isHub: false, speaksFstp: false };
const aSwitch = (state: SwitchState): Resource =>
  switchResource('back', { ...runningSwitch(1, settings), state });
const port = portResource('back', 'a/0', { number: 64, untaggedVlan: 0, taggedVlans: [] });
const cable = cableResource('back', 'plug-1', {
  number: 65,
  untaggedVlan: 0,
  taggedVlans: [],
  end: ['vxvde://'],
});
const update = (after: Resource, ...changed: string[]): Change => ({
  action: 'update',
  before: after,
  after,
  changed,
});
const replace = (before: Resource): Change => ({ action: 'replace', before, after: before, changed: [] });

describe('what machines feel', () => {
  it.each<[string, Change, Impact]>([
    ['a new port', { action: 'create', after: port }, 'none'],
    ['a port that goes', { action: 'delete', before: port }, 're-plug'],
    ['a cable that goes', { action: 'delete', before: cable }, 'live'],
    ['another number', replace(port), 're-plug'],
    ['another cable', replace(cable), 'brief-loss'],
    ['another VLAN', update(port, 'untaggedVlan'), 'brief-loss'],
    ['a tag more', update(cable, 'taggedVlans'), 'live'],
    ['the spanning tree', update(aSwitch('running'), 'speaksFstp'), 'brief-loss'],
    ['a new switch for a running one', replace(aSwitch('running')), 're-plug'],
    ['a new switch for a dead one', replace(aSwitch('dead')), 'none'],
  ])('of %s', (_, change, impact) => {
    expect(impactOf(change)).toBe(impact);
  });

  it('is little where a switch can be told', () => {
    expect(canUpdateLive('switch', ['speaksFstp', 'portCount'])).toBe(true);
    expect(canUpdateLive('switch', ['incarnation'])).toBe(false);
    expect(canUpdateLive('port', ['number'])).toBe(false);
    expect(canUpdateLive('cable', ['end'])).toBe(false);
  });
});
