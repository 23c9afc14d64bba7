/** Project files of any size, for what grows with them. */

export interface ProjectSize {
  readonly engine: string;
  readonly networks: number;
  readonly nics: number;
  /** Further keys of every network: `ipv6: false, dhcp: false`. */
  readonly networkKeys?: string;
}

/** A project named `scale` of translated networks and of machines with one NIC each, which somebody else starts. */
export function projectText({ engine, networks, nics, networkKeys }: ProjectSize): string {
  const further = networkKeys === undefined ? '' : `, ${networkKeys}`;
  const subnet = (index: number): string =>
    networks === 1 ? '10.98.0.0/16' : `10.${100 + (index >> 8)}.${index & 255}.0/24`;
  return [
    'project: scale',
    `engine: ${engine}`,
    'networks:',
    ...numbered(networks, (index) => `  n${index}: { mode: nat, ipv4: ${subnet(index)}${further} }`),
    nics > 0 ? 'machines:' : 'machines: {}',
    ...numbered(nics, (index) => `  m${index}: { nics: [{ network: n${index % networks} }] }`),
    '',
  ].join('\n');
}

function numbered(count: number, line: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => line(index));
}
