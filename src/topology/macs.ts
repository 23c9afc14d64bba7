import { nicId, type Spec } from '../spec/spec.js';
import { hashBits } from './hash.js';
import type { RememberedChoices } from './remembered.js';
import { recalled } from './remembered.js';
import { sortedBy } from './order.js';

/** The range that QEMU and libvirt give to virtual NICs; 24 bits are left. */
const PREFIX = '52:54:00';
/** A remembered MAC is believed when it is among this many that its owner derives. */
const BELIEVED_ATTEMPTS = 8;

export interface ChosenMacs {
  /** By NIC id. */
  readonly nics: ReadonlyMap<string, string>;
  /** By network. */
  readonly gateways: ReadonlyMap<string, string>;
}

interface Claimant {
  /** What the MAC is derived from. */
  readonly seed: string;
  readonly remembered: string | undefined;
  readonly assign: (mac: string) => void;
}

/** @param attempt counts from 0; more when what was derived is taken. */
function derivedMac(seed: string, attempt: number): string {
  const bits = hashBits(attempt === 0 ? seed : `${seed}#${attempt}`, 24);
  const digits = bits.toString(16).padStart(6, '0');
  return `${PREFIX}:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4)}`;
}

/**
 * MACs of every NIC and gateway: the file's own, else derived from the names alone. Of two that derive the same, the
 * one that had it before keeps it, else the first by name.
 */
export function chooseMacs(spec: Spec, remembered: RememberedChoices): ChosenMacs {
  const nics = new Map<string, string>();
  const gateways = new Map<string, string>();
  const taken = new Set<string>();
  const claimants: Claimant[] = spec.networks.map(({ name }) => ({
    seed: `${spec.project}//${name}`,
    remembered: recalled(remembered.gatewayMacs, name),
    assign: (mac) => gateways.set(name, mac),
  }));
  for (const nic of spec.machines.flatMap((machine) => machine.nics)) {
    const id = nicId(nic);
    if (nic.mac !== undefined) {
      nics.set(id, nic.mac);
      taken.add(nic.mac);
      continue;
    }
    claimants.push({
      seed: `${spec.project}/${id}`,
      remembered: recalled(remembered.macs, id),
      assign: (mac) => nics.set(id, mac),
    });
  }
  const newcomers = sortedBy(claimants, ({ seed }) => seed).filter(({ seed, remembered: mac, assign }) => {
    if (mac === undefined || taken.has(mac) || !derives(seed, mac)) return true;
    taken.add(mac);
    assign(mac);
    return false;
  });
  for (const { seed, assign } of newcomers) {
    let mac = derivedMac(seed, 0);
    for (let attempt = 1; taken.has(mac); attempt++) mac = derivedMac(seed, attempt);
    taken.add(mac);
    assign(mac);
  }
  return { nics, gateways };
}

function derives(seed: string, mac: string): boolean {
  for (let attempt = 0; attempt < BELIEVED_ATTEMPTS; attempt++) {
    if (derivedMac(seed, attempt) === mac) return true;
  }
  return false;
}
