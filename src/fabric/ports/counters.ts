import type { Port, PortCounters } from './port.js';

export function emptyCounters(): PortCounters {
  return { rxFrames: 0, rxBytes: 0, txFrames: 0, txBytes: 0, drops: new Map() };
}

export function countDrop(port: Pick<Port, 'counters'>, reason: string, frameCount = 1): void {
  const { drops } = port.counters;
  drops.set(reason, (drops.get(reason) ?? 0) + frameCount);
}
