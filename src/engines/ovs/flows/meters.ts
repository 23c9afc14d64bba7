import { createHash } from 'node:crypto';
import type { MeterProperties } from '../resources.js';

/** Highest number given; every datapath takes it. */
const MAX_METER = 65_535;

/**
 * A meter of the bridge for each name, by its hash, so that a NIC keeps its meter when others come and go; where two
 * hashes meet, the name that sorts later takes the next free number.
 */
export function meterNumbers(names: readonly string[]): ReadonlyMap<string, number> {
  const taken = new Set<number>();
  const numbers = new Map<string, number>();
  for (const name of [...names].sort()) {
    let number = (createHash('sha256').update(name).digest().readUInt32BE(0) % MAX_METER) + 1;
    while (taken.has(number)) number = (number % MAX_METER) + 1;
    taken.add(number);
    numbers.set(name, number);
  }
  return numbers;
}

/** As ovs-ofctl(8) takes it. */
export function formatMeter({ number, rateKbps, burstKbits }: MeterProperties): string {
  return `meter=${number},kbps,burst,stats,bands=type=drop,rate=${rateKbps},burst_size=${burstKbits}`;
}

/** Reads `ovs-ofctl dump-meters`; meters that are not of the form above come without rate. */
export function parseMeters(output: string): Map<number, MeterProperties> {
  const meters = new Map<number, MeterProperties>();
  for (const entry of output.split(/^(?=meter=)/mu)) {
    const number = /^meter=(\d+)/u.exec(entry)?.[1];
    if (number === undefined) continue;
    const valueOf = (key: string): number =>
      Number(new RegExp(`\\b${key}=(\\d+)`, 'u').exec(entry)?.[1] ?? 0);
    meters.set(Number(number), {
      number: Number(number),
      rateKbps: valueOf('rate'),
      burstKbits: valueOf('burst_size'),
    });
  }
  return meters;
}
