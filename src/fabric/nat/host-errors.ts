/** What an error of a host socket means for the guest that asked for the connection or sent the datagram. */
export type Refusal = 'port' | 'host' | 'network' | 'prohibited' | 'silent';

const REFUSALS: Readonly<Record<string, Refusal>> = {
  ECONNREFUSED: 'port',
  ECONNRESET: 'port',
  EHOSTUNREACH: 'host',
  EHOSTDOWN: 'host',
  ENETUNREACH: 'network',
  ENETDOWN: 'network',
  // A family for which the host has no address, or a destination that no socket can name.
  EADDRNOTAVAIL: 'network',
  EAFNOSUPPORT: 'network',
  EINVAL: 'network',
  // The host's own packet filter.
  EACCES: 'prohibited',
  EPERM: 'prohibited',
};

/**
 * Time-outs and shortages of the host (`ETIMEDOUT`, `EMFILE`, `ENOBUFS`, …) are answered by silence: the guest
 * asks again.
 */
export function refusalOf(errorCode: string): Refusal {
  return REFUSALS[errorCode] ?? 'silent';
}
