import { expect, test } from 'vitest';
import { formatMark } from './linux/marks.js';
import { bridgeMark, tapMark } from './ovs/identity.js';
import { isOfProject } from './project-marks.js';

test('what any engine of the project has marked is of it, and nothing of others', () => {
  const marks = (project: string) => [
    formatMark(project, { kind: 'bridge', network: 'web' }),
    tapMark(project, 'web1/0'),
    bridgeMark(project, 'web'),
  ];
  for (const mark of marks('shop')) expect(isOfProject('shop', ['eno1', mark]), mark).toBe(true);
  for (const mark of marks('shop2')) expect(isOfProject('shop', [mark]), mark).toBe(false);
  expect(isOfProject('shop', ['eno1', 'passerelle', 'passerelle.x'])).toBe(false);
});
