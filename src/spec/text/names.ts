import type { Parsed } from '../problems/fault.js';
import { quoted } from '../problems/wording.js';

/** A DNS label as host names use it (RFC 1123, section 2.1), lower case. */
export const LABEL_PATTERN = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
const LABEL = new RegExp(LABEL_PATTERN);
const MAX_LABEL_CHARS = 63;
/** RFC 1035, section 2.3.4: 255 octets on the wire. */
const MAX_DOMAIN_CHARS = 253;

/** The nearest label to what was written, or undefined when nothing is left of it. */
function asLabel(text: string): string | undefined {
  const label = text
    .slice(0, 4 * MAX_LABEL_CHARS)
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, (odd) => (/[_.\s]/.test(odd) ? '-' : ''))
    .slice(0, MAX_LABEL_CHARS)
    .replaceAll(/^-+|-+$/g, '');
  return LABEL.test(label) ? label : undefined;
}

/** Reads the name of a project, network or machine: names become DNS names, and parts of paths. */
export function parseLabel(text: string): Parsed<string> {
  if (LABEL.test(text)) return { value: text };
  const reason = text.length > MAX_LABEL_CHARS ? 'longer than 63 characters' : 'not a DNS label';
  return {
    fault: {
      code: 'spec/bad-name',
      message: `the name ${quoted(text)} is ${reason}`,
      fix: `write a-z, 0-9 and hyphens between them, for example "${asLabel(text) ?? 'web1'}"`,
    },
  };
}

/** Reads a DNS domain. */
export function parseDomain(text: string): Parsed<string> {
  const isDomain = text.length <= MAX_DOMAIN_CHARS && text.split('.').every((label) => LABEL.test(label));
  if (isDomain) return { value: text };
  const meant = text.toLowerCase().replaceAll(/^\.+|\.+$/g, '');
  const isNear = meant.length <= MAX_DOMAIN_CHARS && meant.split('.').every((label) => LABEL.test(label));
  return {
    fault: {
      code: 'spec/bad-domain',
      message: `${quoted(text)} is not a DNS domain`,
      fix: `write lower-case labels with dots between them, for example "${isNear ? meant : 'shop.internal'}"`,
    },
  };
}

/** Kernel names of network interfaces: at most 15 bytes, no blank, no slash (dev_valid_name, net/core/dev.c). */
export function parseInterfaceName(text: string): Parsed<string> {
  if (/^[!-~]{1,15}$/.test(text) && !/[/:]/.test(text) && text !== '.' && text !== '..')
    return { value: text };
  return {
    fault: {
      code: 'spec/bad-interface-name',
      message: `${quoted(text)} cannot be the name of a network interface`,
      fix: 'write the name as `ip link` shows it, for example eth0, or default',
    },
  };
}

/** The name of a QEMU device; a comma would add properties to it. */
export function parseDeviceModel(text: string): Parsed<string> {
  if (/^[a-z0-9][a-z0-9_-]{0,39}$/.test(text) && text !== 'virtio') return { value: text };
  const fix = /virtio/i.test(text)
    ? 'write virtio-net-pci'
    : 'write one such as virtio-net-pci, e1000 or rtl8139';
  return { fault: { code: 'spec/bad-model', message: `${quoted(text)} is not a QEMU network device`, fix } };
}

export const NIC_NAME_PATTERN = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(/[0-9]{1,3})?$';

/** `MACHINE`, whose first NIC is meant, or `MACHINE/INDEX`. */
export function parseNicName(text: string): Parsed<string> {
  if (new RegExp(NIC_NAME_PATTERN).test(text)) return { value: text.includes('/') ? text : `${text}/0` };
  return {
    fault: {
      code: 'spec/bad-nic-name',
      message: `${quoted(text)} names no NIC`,
      fix: 'write the name of a machine, which means its first NIC, or MACHINE/INDEX such as ids/1',
    },
  };
}
