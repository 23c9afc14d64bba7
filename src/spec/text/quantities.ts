import type { Parsed } from '../problems/fault.js';
import { quoted } from '../problems/wording.js';

const SECONDS = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3600],
  ['d', 86_400],
]);
/** dnsmasq raises anything shorter to this. */
const MIN_LEASE_SECONDS = 120;
const MAX_LEASE_SECONDS = 365 * 86_400;

/** Reads the time of a lease: `30m`, `1h`, `7d`. @returns seconds. */
export function parseLeaseTime(text: string): Parsed<number> {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS.get(unit) ?? Number.NaN);
  if (seconds >= MIN_LEASE_SECONDS && seconds <= MAX_LEASE_SECONDS) return { value: seconds };
  const message = Number.isNaN(seconds)
    ? `${quoted(text)} is not a time`
    : `a lease of ${text} is ${seconds < MIN_LEASE_SECONDS ? 'too short' : 'too long'}`;
  return {
    fault: {
      code: 'spec/bad-duration',
      message,
      fix: 'write a number and s, m, h or d, from 2m to 365d, for example 1h',
    },
  };
}

/** Checks a rate as `tc` writes it: `100mbit`. @returns the text. */
export function parseRate(text: string): Parsed<string> {
  if (/^[1-9]\d{0,6}(k|m|g)bit$/.test(text)) return { value: text };
  return {
    fault: {
      code: 'spec/bad-rate',
      message: `${quoted(text)} is not a rate`,
      fix: 'write a whole number and kbit, mbit or gbit, for example 100mbit',
    },
  };
}
