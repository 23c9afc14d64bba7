/** Why a gateway refused a packet: the keys of its drop counters, shown by `status` (docs/verbs/status.md). */
export type DropReason =
  /** A header or checksum that does not hold. */
  | 'malformed'
  /** Neither ARP nor IP, or a family the network does not have. */
  | 'unsupported-protocol'
  /** A source that no packet may have (RFC 1812 section 5.3.7). */
  | 'martian-source'
  /** A destination that never leaves its link. */
  | 'martian-destination'
  /** A source outside the network's subnet (RFC 2827). */
  | 'foreign-source'
  /** Something else than the gateway's own services, on a network that leads nowhere. */
  | 'isolated'
  /** Unicast packets in broadcast frames (RFC 1122 section 3.3.6). */
  | 'link-broadcast'
  /** Source routing (RFC 7126 section 4.3, RFC 5095). */
  | 'source-route'
  | 'ttl-exceeded'
  | 'no-route'
  /** Larger than the next network's MTU, and not to be fragmented. */
  | 'packet-too-big'
  /** Nobody answered for the next hop's address. */
  | 'neighbour-unreachable'
  /** Too many packets wait for neighbours, or too many DNS queries for answers. */
  | 'queue-full'
  /** A port of the gateway on which nothing listens. */
  | 'closed-port'
  /** Another machine claims the gateway's own address. */
  | 'address-conflict'
  /** A router advertisement or redirect, which are the gateway's alone to send (RFC 6105). */
  | 'rogue-router'
  /** A DHCP message that the server does not answer. */
  | 'dhcp-refused'
  /** The name server failed on a query. */
  | 'service-failed'
  /** An ICMP error that was not sent, to keep to the rate (RFC 1812 section 4.3.2.8). */
  | 'icmp-rate-limited';
