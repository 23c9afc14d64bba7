/** What a vde_switch prints about itself, read. Pure; lines that say nothing known are passed over. */

/** A port that exists, plugged or not (`port/allprint`). Counters since the port was made; in: towards the switch. */
export interface SwitchPort {
  readonly number: number;
  /** VLAN of frames without a tag; 4095: such frames are dropped. */
  readonly untaggedVlan: number;
  readonly isActive: boolean;
  readonly framesIn: number;
  readonly bytesIn: number;
  readonly framesOut: number;
  readonly bytesOut: number;
  readonly endpoints: readonly Endpoint[];
}

/** Somebody plugged into a port. Several may share one. */
export interface Endpoint {
  /** The switch's own number, for `port/epclose`. */
  readonly id: number;
  /** What it calls itself: `vdeplug:`, `QEMU`. */
  readonly description: string;
  /** Process at the other end, where the switch says it. */
  readonly pid?: number;
}

export function parsePortTable(lines: readonly string[]): SwitchPort[] {
  const ports: (Omit<SwitchPort, 'endpoints'> & { endpoints: Endpoint[] })[] = [];
  for (const line of lines) {
    const head = /^Port (\d{1,9}) untagged_vlan=(\d{1,4}) (IN)?ACTIVE/.exec(line);
    if (head !== null) {
      const counters = { framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0 };
      const isActive = head[3] === undefined;
      ports.push({
        number: Number(head[1]),
        untaggedVlan: Number(head[2]),
        isActive,
        ...counters,
        endpoints: [],
      });
      continue;
    }
    const port = ports.at(-1);
    if (port === undefined) continue;
    const counted = /^ (IN|OUT): +pkts +(\d{1,19}) +bytes +(\d{1,19})$/.exec(line);
    if (counted !== null) {
      const [frames, bytes] = [Number(counted[2]), Number(counted[3])];
      const now =
        counted[1] === 'IN' ? { framesIn: frames, bytesIn: bytes } : { framesOut: frames, bytesOut: bytes };
      ports[ports.length - 1] = { ...port, ...now };
      continue;
    }
    const endpoint = parseEndpoint(line);
    if (endpoint !== undefined) port.endpoints.push(endpoint);
  }
  return ports;
}

/** `  -- endpoint ID 0003 module unix prog   : vdeplug: user=root pid=30258`; the last two not in every version. */
function parseEndpoint(line: string): Endpoint | undefined {
  const [, id, said = ''] = /^ {2}-- endpoint ID (\d{1,9}) module .{1,64}?: (.*)$/s.exec(line) ?? [];
  if (id === undefined) return undefined;
  const [, described, pid] = /^(.*?) user=\S{1,64} pid=(\d{1,9})$/s.exec(said) ?? [];
  if (described === undefined) return { id: Number(id), description: said };
  return { id: Number(id), description: described, pid: Number(pid) };
}

/** VLAN -> ports that take part in it with a tag (`vlan/allprint`). Every VLAN that exists is there. */
export function parseVlanTable(lines: readonly string[]): ReadonlyMap<number, ReadonlySet<number>> {
  const vlans = new Map<number, Set<number>>();
  let tagged: Set<number> | undefined;
  for (const line of lines) {
    const [, vlan] = /^VLAN (\d{1,4})$/.exec(line) ?? [];
    if (vlan !== undefined) {
      tagged = new Set();
      vlans.set(Number(vlan), tagged);
      continue;
    }
    const [, port] = /^ -- Port (\d{1,9}) tagged=1 /.exec(line) ?? [];
    if (port !== undefined) tagged?.add(Number(port));
  }
  return vlans;
}

export interface SwitchIdentity {
  /** `2.3.2`. */
  readonly version: string;
  readonly pid: number;
}

/** Of `showinfo`. */
export function parseIdentity(lines: readonly string[]): SwitchIdentity | undefined {
  const text = lines.join('\n');
  const version = /^VDE switch V\.(\S{1,32})$/m.exec(text)?.[1];
  const pid = /^pid (\d{1,9}) /m.exec(text)?.[1];
  return version === undefined || pid === undefined ? undefined : { version, pid: Number(pid) };
}

/** Value of `NAME=VALUE` among the lines: `Numports=32`, `FSTP=false`. */
export function parseSetting(lines: readonly string[], name: string): string | undefined {
  return lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
}
