/**
 * The forwards of a fabric: listening sockets of the host, each leading to a port of a machine.
 *
 * A forward with several targets gives each new client to the next of them (TCP connections, UDP flows), so that what
 * belongs together stays together. A forward changes in place: ports that stay go on listening, connections that stand are left alone, and new
 * ones go to the new target. What cannot be listened on refuses the whole change and leaves everything as it
 * was.
 */
import type { FabricForward } from '../../control/protocol.js';
import type { GatewayLink } from '../../gateway/link.js';
import type { Clock } from '../clock.js';
import type { NetworkNat } from '../network-nat.js';
import type { UdpLimits } from '../udp/limits.js';
import { bindUdp, listenTcp } from './listen.js';
import type { ForwardTarget } from './target.js';
import { carryOn } from './tcp-forward.js';
import { UdpForward } from './udp-forward.js';

interface OpenForward {
  settings: FabricForward;
  link: GatewayLink;
  /** Whose turn it is among the targets. */
  turn: number;
  /** By listen port. */
  ports: Map<number, { close(): void }>;
}

export interface ForwardServices {
  readonly clock: Clock;
  readonly udpLimits: UdpLimits;
  readonly networkOf: (link: GatewayLink) => NetworkNat;
}

export class ForwardSet {
  readonly #services: ForwardServices;
  readonly #forwards = new Map<string, OpenForward>();

  constructor(services: ForwardServices) {
    this.#services = services;
  }

  get settings(): FabricForward[] {
    return [...this.#forwards.values()].map((forward) => forward.settings);
  }

  /**
   * Makes a forward or changes it in place; resolves once every port listens.
   * @param link of the network that the forward leads into.
   * @throws PasserelleError `forward/listen-refused`, with nothing changed.
   */
  async put(settings: FabricForward, link: GatewayLink): Promise<void> {
    const existing = this.#forwards.get(settings.id);
    const sameSocket =
      existing !== undefined &&
      existing.settings.protocol === settings.protocol &&
      existing.settings.listenAddress === settings.listenAddress;
    const forward = sameSocket
      ? existing
      : { settings, link, turn: 0, ports: new Map<number, { close(): void }>() };
    await this.#openMissing(forward, settings);
    if (existing !== undefined && existing !== forward) closeAll(existing.ports.values());
    forward.settings = settings;
    forward.link = link;
    for (const [port, listener] of forward.ports) {
      if (port >= settings.listenPortFirst && port <= settings.listenPortLast) continue;
      listener.close();
      forward.ports.delete(port);
    }
    this.#forwards.set(settings.id, forward);
  }

  /** Stops listening; TCP connections that stand go on. */
  delete(id: string): void {
    const forward = this.#forwards.get(id);
    if (forward === undefined) return;
    closeAll(forward.ports.values());
    this.#forwards.delete(id);
  }

  /** The network goes, and with it the forwards into it. */
  forget(networkName: string): void {
    for (const [id, { settings }] of this.#forwards) if (settings.network === networkName) this.delete(id);
  }

  close(): void {
    for (const id of this.#forwards.keys()) this.delete(id);
  }

  async #openMissing(forward: OpenForward, settings: FabricForward): Promise<void> {
    const { protocol, listenAddress, listenPortFirst, listenPortLast } = settings;
    const missing: number[] = [];
    for (let port = listenPortFirst; port <= listenPortLast; port++)
      if (!forward.ports.has(port)) missing.push(port);
    const opened = await Promise.allSettled(
      missing.map(async (port) => ({
        port,
        listener: await this.#open(forward, protocol, listenAddress, port),
      })),
    );
    const failure = opened.find((result) => result.status === 'rejected');
    for (const result of opened) {
      if (result.status === 'rejected') continue;
      const { port, listener } = result.value;
      if (failure === undefined) forward.ports.set(port, listener);
      else listener.close();
    }
    if (failure !== undefined) throw failure.reason;
  }

  async #open(
    forward: OpenForward,
    protocol: 'tcp' | 'udp',
    address: string,
    port: number,
  ): Promise<{ close(): void }> {
    const target = () => this.#targetOf(forward, port);
    switch (protocol) {
      case 'tcp':
        return await listenTcp(address, port, (socket) => carryOn(socket, target()));
      case 'udp':
        return new UdpForward(
          await bindUdp(address, port),
          this.#services.udpLimits,
          this.#services.clock,
          target,
        );
    }
  }

  #targetOf(forward: OpenForward, listenPort: number): ForwardTarget {
    const { settings, link } = forward;
    const step = settings.targetPortFixed ? 0 : listenPort - settings.listenPortFirst;
    return {
      network: this.#services.networkOf(link),
      address: addressInTurn(forward),
      port: settings.targetPortFirst + step,
      showsGateway: settings.shownSource === 'gateway',
      clock: this.#services.clock,
    };
  }
}

/** The next target in turn; those whose machine is off are passed over while another is there. */
function addressInTurn(forward: OpenForward): string {
  const { settings, link, turn } = forward;
  const { targetAddresses } = settings;
  const inTurn = targetAddresses.map((_, step) => targetAddresses[(turn + step) % targetAddresses.length]!);
  const chosen = inTurn.find((address) => !link.isAbsent(address)) ?? inTurn[0]!;
  forward.turn = targetAddresses.indexOf(chosen) + 1;
  return chosen;
}

function closeAll(listeners: Iterable<{ close(): void }>): void {
  for (const listener of listeners) listener.close();
}
