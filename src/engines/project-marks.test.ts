import { expect, test } from 'vitest';
import { formatMark } from './linux/marks.js';
import { isOfProject } from './project-marks.js';
import { ownerOf } from './ovs/identity.js';
import { segmentMark, tapMark } from './open-vswitch/owner.js';

test('what any engine of the project has marked is of it, and nothing of others', () => {
  const marks = (project: string) => [
    formatMark(project, { kind: 'bridge', network: 'web' }),
    tapMark(ownerOf(project), 'web1/0'),
    segmentMark(ownerOf(project), 'web'),
  ];
  for (const mark of marks('shop')) expect(isOfProject('shop', ['eno1', mark]), mark).toBe(true);
  for (const mark of marks('shop2')) expect(isOfProject('shop', [mark]), mark).toBe(false);
  expect(isOfProject('shop', ['eno1', 'passerelle', 'passerelle.x'])).toBe(false);
});
