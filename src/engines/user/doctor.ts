import { readFile } from 'node:fs/promises';
import type { Finding } from '../contract.js';
import { hasKoffi, readNativeFacts } from './native-facts.js';

/** What the fabric finds on this host: nothing is needed but Node; the rest says what it adds. */
export async function inspectHost(): Promise<Finding[]> {
  return [inspectNode(), await inspectPing(), await inspectLowPorts(), await inspectNativePorts()];
}

function inspectNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isRecent = major > 20 || (major === 20 && minor >= 19);
  const detail = `${process.versions.node}; 20.19 or newer is needed`;
  if (isRecent) return { subject: 'Node.js', state: 'ok', detail };
  return { subject: 'Node.js', state: 'missing', detail, fix: 'sudo apt-get install nodejs' };
}

/** Ping sockets want the user's group in a range (icmp(7)), and one native call. */
async function inspectPing(): Promise<Finding> {
  const subject = 'ping beyond the gateways';
  const range = await readFile('/proc/sys/net/ipv4/ping_group_range', 'utf8').catch(() => '1 0');
  const [first = 1, last = 0] = range.trim().split(/\s+/).map(Number);
  const groups = [process.getgid?.() ?? -1, ...(process.getgroups?.() ?? [])];
  if (!groups.some((group) => group >= first && group <= last)) {
    return {
      subject,
      state: 'warning',
      detail: 'the kernel gives this user no ping sockets, so pings to the outside are not answered',
      fix: 'sudo sysctl net.ipv4.ping_group_range="0 2147483647"',
    };
  }
  if (!hasKoffi()) {
    return {
      subject,
      state: 'warning',
      detail: 'the optional package koffi is not installed',
      fix: 'npm install koffi',
    };
  }
  return { subject, state: 'ok', detail: 'by ping sockets' };
}

/** Ports of native speed: shared memory with QEMU, and taps; and the LAN itself. */
async function inspectNativePorts(): Promise<Finding> {
  const subject = 'vhost-user ports, taps, mode bridge';
  const facts = await readNativeFacts();
  if (!facts.hasKoffi) {
    return {
      subject,
      state: 'warning',
      detail: 'the optional package koffi is not installed; stream ports need nothing',
      fix: 'npm install koffi',
    };
  }
  if (!facts.mayMakeDevices)
    return { subject, state: 'ok', detail: 'vhost-user works; taps (`attach`) and mode bridge need root' };
  return { subject, state: 'ok', detail: 'all work' };
}

async function inspectLowPorts(): Promise<Finding> {
  const subject = 'forwards on low ports';
  const start = Number(
    await readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').catch(() => '1024'),
  );
  if (start === 0 || process.getuid?.() === 0)
    return { subject, state: 'ok', detail: 'any port may be listened on' };
  return {
    subject,
    state: 'warning',
    detail: `ports below ${start} are for root`,
    fix: 'listen above, or: sudo sysctl net.ipv4.ip_unprivileged_port_start=80',
  };
}
