/** A network whose guests send datagrams to simulated host sockets. */
import type { FabricNetwork } from '../../../src/fabric/control/protocol.js';
import type { UdpLimits } from '../../../src/fabric/nat/udp/limits.js';
import { UserNat } from '../../../src/fabric/nat/user-nat.js';
import { type DatagramEnds, datagramFrom, simulatedDatagrams } from './datagrams.js';
import { FakeClock } from './fake-clock.js';
import { GUEST_MAC, NETWORK, RecordedLink } from './recorded-link.js';

export function setUp(network: Partial<FabricNetwork> = {}, udpLimits: Partial<UdpLimits> = {}) {
  const clock = new FakeClock();
  const { sockets, open } = simulatedDatagrams();
  const packets: Buffer[] = [];
  const link = new RecordedLink(({ packet }) => packets.push(Buffer.from(packet)), {
    ...NETWORK,
    ...network,
  });
  const nat = new UserNat({ clock, openDatagrams: open, udpLimits });
  const send = (payload: string | Buffer, ends: DatagramEnds = {}, mac = GUEST_MAC) => {
    const packet = datagramFrom(ends, Buffer.from(payload));
    nat.receive(link, packet, 0, packet.length, mac);
    nat.endOfBatch(link);
    link.flush();
    // The batch's memory is used again.
    packet.fill(0);
  };
  const flows = () => nat.flowCounts(NETWORK.name).udp;
  const drops = () => Object.fromEntries(nat.drops(NETWORK.name));
  return { clock, sockets, packets, link, nat, send, flows, drops };
}
