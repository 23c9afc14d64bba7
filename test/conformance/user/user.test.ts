/** The embedded engine, with real guests, as an ordinary user. */
import { afterAll, beforeAll, describe } from 'vitest';
import { type Campus, openCampus } from '../campus.js';
import { addressing } from '../scenarios/addressing.js';
import { isolation } from '../scenarios/isolation.js';
import { liveEdits } from '../scenarios/live-edits.js';
import { names } from '../scenarios/names.js';
import { reach } from '../scenarios/reach.js';
import { restart } from '../scenarios/restart.js';

let campus: Campus;
beforeAll(async () => {
  campus = await openCampus('user');
}, 180_000);
afterAll(async () => {
  await campus.close();
});
const current = (): Campus => campus;

describe('addressing', () => addressing(current));
describe('names', () => names(current));
describe('reach', () => reach(current));
describe('isolation', () => isolation(current));
describe('live edits', () => liveEdits(current));
describe('restart', () => restart(current));
