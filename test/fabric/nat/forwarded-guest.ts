/** A NAT with real host sockets and a model guest behind it that takes connections, in real time. */
import type { FabricForward, FabricNetwork } from '../../../src/fabric/control/protocol.js';
import { IpProtocol } from '../../../src/wire/ipv4.js';
import { systemClock } from '../../../src/fabric/nat/clock.js';
import { UserNat } from '../../../src/fabric/nat/user-nat.js';
import { ModelGuest } from './model-guest.js';
import { GUEST_MAC, NETWORK, RecordedLink } from './recorded-link.js';

export const GUEST_ADDRESS = '10.0.0.2';

export function forwardTo(
  overrides: Partial<FabricForward> & Pick<FabricForward, 'listenPortFirst'>,
): FabricForward {
  const { listenPortFirst } = overrides;
  return {
    id: `tcp/127.0.0.1:${listenPortFirst}`,
    protocol: 'tcp',
    listenAddress: '127.0.0.1',
    listenPortLast: listenPortFirst,
    network: NETWORK.name,
    targetAddresses: [GUEST_ADDRESS],
    targetPortFirst: 8080,
    targetPortFixed: false,
    ...overrides,
  };
}

export class ForwardedGuest {
  readonly nat = new UserNat();
  readonly link: RecordedLink;
  readonly guest: ModelGuest;
  /** Every packet to the guest. */
  readonly packets: Buffer[] = [];
  /** False: the guest's TCP does not see packets. */
  attentive = true;

  constructor(network: Partial<FabricNetwork> = {}, port = 8080) {
    this.link = new RecordedLink(
      ({ packet }) => {
        this.packets.push(Buffer.from(packet));
        // Not within the flush: a real guest answers later.
        setImmediate(() => {
          if (this.attentive && packet[9] === IpProtocol.tcp) this.guest.receive(packet);
        });
      },
      { ...NETWORK, ...network },
    );
    this.link.neighbours.set(GUEST_ADDRESS, GUEST_MAC);
    this.guest = new ModelGuest({
      clock: systemClock,
      address: GUEST_ADDRESS,
      port,
      mssBytes: 1460,
      windowScale: 7,
      bufferBytes: 1 << 20,
      send: (packet) => this.inject(packet),
    });
  }

  /** A packet of the guest. */
  inject(packet: Buffer): void {
    setImmediate(() => {
      this.nat.receive(this.link, packet, 0, packet.length, GUEST_MAC);
      this.nat.endOfBatch(this.link);
      this.link.flush();
    });
  }
}
