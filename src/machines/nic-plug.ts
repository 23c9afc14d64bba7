import type { QmpObject, QmpValue } from '../clients/qmp/message.js';
import type { QemuArguments } from '../engines/contract.js';
import { parseOptionString } from './option-string.js';

/**
 * One NIC as QMP wants it. The command line says `-netdev stream,id=n0,server=on,addr.type=unix,addr.path=/x`, where all
 * is text; QMP says `{"type": "stream", "id": "n0", "server": true, "addr": {"type": "unix", "path": "/x"}}`, where
 * types count (qapi/net.json). Pure.
 */
export interface NicPlug {
  readonly netdevId: string;
  readonly deviceId: string;
  /** Arguments of `netdev_add`. */
  readonly netdev: QmpObject;
  /** Arguments of `device_add`. */
  readonly device: QmpObject;
}

/** Values that look like numbers and are strings all the same, by type of netdev and key (qapi/net.json). */
const TEXT_KEYS: readonly RegExp[] = [
  /\.fd$/,
  /^(fds?|vhostfds?|hostname|bootfile|group)$/,
  /^(addr|local|remote)\.(host|port|str)$/,
  /^(src|dst|srcport|dstport|tftp|tftp-server-name|ifname|br|id|chardev)$/,
];
/** Lists of strings, each wrapped in an object (`StringList` in qapi/net.json). */
const LIST_KEYS: ReadonlySet<string> = new Set(['hostfwd', 'guestfwd', 'dnssearch']);

/**
 * @returns undefined when the arguments are not one `-netdev` and one `-device` with ids: then the NIC comes and goes
 * with the machine only.
 */
export function plugOf(args: QemuArguments): NicPlug | undefined {
  if (args.length !== 4) return undefined;
  const values = new Map<string, string>();
  for (let at = 0; at < args.length; at += 2) values.set(args[at] ?? '', args[at + 1] ?? '');
  const netdevText = values.get('-netdev');
  const deviceText = values.get('-device');
  if (netdevText === undefined || deviceText === undefined) return undefined;
  const netdev = readJson(netdevText) ?? netdevObject(netdevText);
  const device = readJson(deviceText) ?? deviceObject(deviceText);
  const netdevId = netdev['id'];
  const deviceId = device['id'];
  if (typeof netdevId !== 'string' || typeof deviceId !== 'string') return undefined;
  return { netdevId, deviceId, netdev, device };
}

/** Gives the NIC's `-device` an id when it has none, so that it can be unplugged later. */
export function withDeviceId(args: QemuArguments, nicId: string): QemuArguments {
  return args.map((argument, index) => {
    if (args[index - 1] !== '-device' || readJson(argument) !== undefined) return argument;
    const hasId = parseOptionString(argument).pairs.some(([key]) => key === 'id');
    return hasId ? argument : `${argument},id=nic-${nicId.replaceAll(/[^A-Za-z0-9._-]/g, '-')}`;
  });
}

function netdevObject(text: string): QmpObject {
  const { first, pairs } = parseOptionString(text);
  const result: MutableObject = { type: first };
  for (const [key, value] of pairs) {
    if (LIST_KEYS.has(key)) {
      const list = result[key];
      result[key] = [...(Array.isArray(list) ? (list as QmpValue[]) : []), { str: value }];
    } else {
      setNested(result, key.split('.'), typed(key, value));
    }
  }
  return result;
}

/** Device properties are typed by QEMU itself: text is read as the command line reads it, numbers and switches too. */
function deviceObject(text: string): QmpObject {
  const { first, pairs } = parseOptionString(text);
  return { driver: first, ...Object.fromEntries(pairs.map(([key, value]) => [key, typed(key, value)])) };
}

function typed(key: string, value: string): QmpValue {
  if (TEXT_KEYS.some((pattern) => pattern.test(key))) return value;
  if (value === 'on' || value === 'off') return value === 'on';
  return /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
}

interface MutableObject {
  [key: string]: QmpValue | MutableObject;
}

function setNested(target: MutableObject, path: readonly string[], value: QmpValue): void {
  const [key = '', ...rest] = path;
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const inner = target[key];
  const child: MutableObject =
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? (inner as MutableObject) : {};
  target[key] = child;
  setNested(child, rest, value);
}

function readJson(text: string): QmpObject | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as QmpObject;
  } catch {
    return undefined;
  }
}
