/**
 * Who may begin a connection: bounds on flows and on half-open ones, for a network and for each guest of it.
 *
 * A guest that floods SYNs only displaces its own half-open connections, then the network's oldest. When the
 * table is full a connection in TIME-WAIT makes room; established ones never do (RFC 5382 REQ-5), and the new
 * SYN is dropped.
 */
import type { TcpLimits } from './limits.js';

export interface Admitted {
  readonly ownerMac: number;
}

export class Admission<Flow extends Admitted> {
  readonly #limits: TcpLimits;
  readonly #flowsOfGuest = new Map<number, number>();
  readonly #halfOpen = new Set<Flow>();
  readonly #halfOpenOfGuest = new Map<number, Set<Flow>>();
  readonly #lingering = new Set<Flow>();
  #flows = 0;

  constructor(limits: TcpLimits) {
    this.#limits = limits;
  }

  get halfOpenCount(): number {
    return this.#halfOpen.size;
  }

  /**
   * Whether a guest may begin another flow.
   * @returns flows that must be ended first, `undefined` when there is no room.
   */
  roomFor(mac: number, byGuest: boolean): Flow[] | undefined {
    const { maxFlowsPerGuest, maxFlowsPerNetwork, maxHalfOpenPerGuest, maxHalfOpenPerNetwork } = this.#limits;
    const displaced: Flow[] = [];
    const ofGuest = this.#halfOpenOfGuest.get(mac);
    if (byGuest && ofGuest !== undefined && ofGuest.size >= maxHalfOpenPerGuest) addFirst(displaced, ofGuest);
    else if (byGuest && this.#halfOpen.size >= maxHalfOpenPerNetwork) addFirst(displaced, this.#halfOpen);
    const guestFull = (this.#flowsOfGuest.get(mac) ?? 0) >= maxFlowsPerGuest;
    if (guestFull || this.#flows >= maxFlowsPerNetwork) {
      if (displaced.some((flow) => !guestFull || flow.ownerMac === mac)) return displaced;
      const lingering = guestFull ? firstOf(this.#lingering, mac) : firstOf(this.#lingering);
      if (lingering === undefined) return undefined;
      displaced.push(lingering);
    }
    return displaced;
  }

  /** @param byGuest only what guests begin counts as half-open; clients of forwards are bounded by the flows. */
  begun(flow: Flow, byGuest: boolean): void {
    const { ownerMac } = flow;
    this.#flows++;
    this.#flowsOfGuest.set(ownerMac, (this.#flowsOfGuest.get(ownerMac) ?? 0) + 1);
    if (!byGuest) return;
    this.#halfOpen.add(flow);
    const ofGuest = this.#halfOpenOfGuest.get(ownerMac);
    if (ofGuest === undefined) this.#halfOpenOfGuest.set(ownerMac, new Set([flow]));
    else ofGuest.add(flow);
  }

  established(flow: Flow): void {
    this.#halfOpen.delete(flow);
    const ofGuest = this.#halfOpenOfGuest.get(flow.ownerMac);
    if (ofGuest?.delete(flow) === true && ofGuest.size === 0) this.#halfOpenOfGuest.delete(flow.ownerMac);
  }

  /** The flow only waits for its TIME-WAIT to pass. */
  lingers(flow: Flow): void {
    this.#lingering.add(flow);
  }

  ended(flow: Flow): void {
    this.established(flow);
    this.#lingering.delete(flow);
    this.#flows--;
    const left = (this.#flowsOfGuest.get(flow.ownerMac) ?? 1) - 1;
    if (left === 0) this.#flowsOfGuest.delete(flow.ownerMac);
    else this.#flowsOfGuest.set(flow.ownerMac, left);
  }
}

function addFirst<Flow>(to: Flow[], from: ReadonlySet<Flow>): void {
  for (const flow of from) {
    to.push(flow);
    return;
  }
}

function firstOf<Flow extends Admitted>(flows: ReadonlySet<Flow>, mac?: number): Flow | undefined {
  for (const flow of flows) if (mac === undefined || flow.ownerMac === mac) return flow;
  return undefined;
}
