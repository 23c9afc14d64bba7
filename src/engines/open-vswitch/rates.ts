/** Rates of the file, and how a meter of Open vSwitch keeps to them. Pure. */

export const RATE_PATTERN = /^[1-9]\d{0,6}[kmg]bit$/u;

/** Bits a second of a checked rate such as `100mbit`; as in tc(8), k is 1000. */
export function bitsPerSecond(text: string): number {
  const [, count = '0', unit = 'k'] = /^(\d+)([kmg])bit$/u.exec(text) ?? [];
  return Number(count) * { k: 1e3, m: 1e6, g: 1e9 }[unit as 'k' | 'm' | 'g'];
}

/**
 * A fifth of a second of the rate may come at once. Measured with one TCP stream at 20 and 100 Mbit/s: a twentieth lets
 * through 26-40 % of the rate, a tenth 53-59 %, a fifth 92-99 %, a half 107-110 %.
 */
export function burstKbits(rateKbps: number): number {
  return Math.max(100, Math.round(rateKbps / 5));
}
