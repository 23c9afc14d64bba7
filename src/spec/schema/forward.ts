import { z } from 'zod';
import type { Parsed } from '../problems/fault.js';
import { quoted } from '../problems/wording.js';
import { LABEL_PATTERN, parseLabel } from '../text/names.js';
import { parsePorts, type PortRange } from '../text/ports.js';
import { parseHostAddress } from '../text/subnet-text.js';
import { FORWARD_SOURCES, TRANSPORT_PROTOCOLS } from '../vocabulary.js';
import { choice, either, key, list, mapping, text } from './kinds.js';

/** The machine a forward leads to; `nic` when the file names one of its NICs. */
export interface ForwardTarget {
  readonly machine: string;
  readonly nic?: number;
}

/** Reads `web1` or `web1/0`. */
function parseTarget(written: string): Parsed<ForwardTarget> {
  const [name = '', index, ...more] = written.split('/');
  if (index === undefined) {
    const label = parseLabel(name);
    return 'value' in label ? { value: { machine: label.value } } : label;
  }
  if (more.length === 0 && /^\d{1,3}$/.test(index) && 'value' in parseLabel(name)) {
    return { value: { machine: name, nic: Number(index) } };
  }
  return {
    fault: {
      code: 'spec/bad-name',
      message: `${quoted(written)} names no machine and no NIC`,
      fix: 'write the name of a machine, or one of its NICs as MACHINE/NUMBER, for example web1/0',
    },
  };
}

const EXPECTED_PORTS = 'a port such as 9011, or a range such as "9001-9099"';

const portNumber = z.number({ error: EXPECTED_PORTS }).transform((port, context): PortRange => {
  const parsed = parsePorts(String(port));
  if ('value' in parsed) return parsed.value;
  context.addIssue({ code: 'custom', message: EXPECTED_PORTS, params: { fault: parsed.fault } });
  return z.NEVER;
});

const ports = either(EXPECTED_PORTS, [
  portNumber.meta({ type: 'integer', minimum: 1, maximum: 65_535 }),
  text(EXPECTED_PORTS, parsePorts, '^[0-9]{1,5}(-[0-9]{1,5})?$'),
]);

const EXPECTED_TARGET = 'the name of a machine, or a list of them';
const target = text('the name of a machine', parseTarget, LABEL_PATTERN.replace('$', '(/[0-9]{1,3})?$'));

const forwardShape = {
  'listen-address': key(text('an IP address', (written) => parseHostAddress(written)).optional(), {
    about: 'Address of the host to listen on; 0.0.0.0 is every IPv4 address, "::" every IPv6 address.',
    byDefault: '0.0.0.0',
    example: '127.0.0.1',
  }),
  'listen-port': key(ports, {
    about: 'Port or range of ports to listen on. Required.',
    example: '9001-9099',
  }),
  protocol: key(choice('protocol', TRANSPORT_PROTOCOLS).optional(), {
    about: 'Transport protocol: tcp or udp.',
    byDefault: 'tcp',
    example: 'udp',
  }),
  target: key(
    either(EXPECTED_TARGET, [
      target,
      list(target, 'names of machines').min(1, { error: 'the name of at least one machine' }),
    ]),
    {
      about:
        'Machine that the ports lead to, by its first NIC that can take them; MACHINE/NUMBER names the NIC. Of a list of machines each takes its share of the connections. Required.',
      example: 'web1',
    },
  ),
  'target-port': key(ports.optional(), {
    about: 'Port of the machine that every listen port leads to, or a range of the same size.',
    byDefault: 'the same as listen-port',
    example: 9090,
  }),
  source: key(choice('source', FORWARD_SOURCES).optional(), {
    about:
      'Whose address the machine sees at the other end: that of the client, or always that of the gateway, for a machine that can answer nobody else.',
    byDefault: "the client's wherever the machine can answer it, else the gateway's",
    example: 'gateway',
  }),
};

export const forward = mapping(forwardShape, '{ listen-port: 9011, target: web1 }');
export type WrittenForward = z.output<typeof forward>;
