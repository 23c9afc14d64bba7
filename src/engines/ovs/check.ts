import type { Problem } from '../../errors.js';
import { locationOfKey } from '../../spec/source-location.js';
import type { Network, Nic, Topology } from '../../topology/topology.js';
import { PROVIDER } from './identity.js';
import { networkOptionProblems, networkOptions, nicOptionProblems, nicOptions } from './options.js';

/** What this engine cannot do with the topology, with what to write instead. Pure. */
export function checkOvs(topology: Topology): Problem[] {
  const networks = new Map(
    topology.networks.filter(({ engine }) => engine === PROVIDER).map((network) => [network.name, network]),
  );
  const nics = topology.machines
    .flatMap((machine) => machine.nics)
    .filter((nic) => networks.has(nic.network));
  const badOptions = [
    ...[...networks.values()].flatMap(networkOptionProblems),
    ...nics.flatMap(nicOptionProblems),
  ];
  if (badOptions.length > 0) return badOptions;
  return [
    ...[...networks.values()].flatMap(networkProblems),
    ...[...networks.values()].flatMap((network) =>
      mirrorProblems(
        network,
        nics.filter((nic) => nic.network === network.name),
      ),
    ),
    ...nics.flatMap((nic) => {
      const network = networks.get(nic.network);
      return network === undefined ? [] : nicProblems(nic, network);
    }),
    ...topology.forwards
      .filter(({ network, listenAddress }) => networks.has(network) && listenAddress === '::1')
      .map(
        (forward): Problem => ({
          code: 'ovs/no-ipv6-loopback-forward',
          message: 'the kernel does not rewrite connections to ::1, so this forward would never answer',
          fix: "listen on 127.0.0.1, or on one of the host's other IPv6 addresses",
          at: forward.source,
        }),
      ),
  ];
}

function networkProblems(network: Network): Problem[] {
  const { controller, stp, rstp } = networkOptions(network);
  const problems: Problem[] = [];
  if (controller !== undefined && !/^(?:tcp|ssl|unix|ptcp|punix):./u.test(controller)) {
    problems.push({
      code: 'ovs/bad-controller',
      message: `network ${network.name}: "${controller}" does not say where the OpenFlow controller is`,
      fix: 'write `tcp:192.0.2.1:6653`',
      at: network.source,
    });
  }
  if (stp === true && rstp === true) {
    problems.push({
      code: 'ovs/stp-and-rstp',
      message: `network ${network.name} asks for STP and RSTP both`,
      fix: 'keep `rstp: true`: it understands its elder',
      at: network.source,
    });
  }
  return problems;
}

function nicProblems(nic: Nic, network: Network): Problem[] {
  const { attach, isolated, qinq, vlan, 'rate-limit': limit, 'rate-limit-in': limitIn } = nicOptions(nic);
  const { vlan: networkVlan, controller } = networkOptions(network);
  const problems: Problem[] = [];
  const add = (code: string, message: string, fix: string) =>
    problems.push({ code, message: `${nic.id} ${message}`, fix, at: nic.source });
  if (attach === 'macvtap') {
    add(
      'ovs/no-attachment',
      'asks for macvtap, which goes past the switch',
      'leave `attach` out: the NIC becomes a tap',
    );
  }
  if (attach === 'netns' && limitIn !== undefined) {
    add(
      'ovs/no-limit-inside',
      'lives in a namespace, where the switch cannot queue what is sent to it',
      'leave `rate-limit-in` out; `rate-limit` works',
    );
  }
  if (isolated === true && network.overlay !== undefined) {
    add(
      'ovs/isolated-over-hosts',
      `is isolated, and ${network.name} goes on at other hosts by tunnels, which are isolated too: it would reach none of them`,
      'leave `isolated` out, or keep the machines of the network on one host',
    );
  }
  if (qinq === true && (vlan ?? networkVlan) === undefined) {
    add(
      'ovs/qinq-without-vlan',
      'has `qinq: true` and no VLAN to put its own VLANs into',
      'write the service VLAN too: `vlan: 100`',
    );
  }
  if (controller !== undefined && (nic.antiSpoofing || limit !== undefined)) {
    add(
      'ovs/controller-decides',
      'wants anti-spoofing or a rate limit, and the flows of its network belong to an OpenFlow controller',
      'write `anti-spoofing: false` and leave `rate-limit` out, or let the network do without `controller`',
    );
  }
  return problems;
}

/** A mirror is a thing of one bridge: whoever looks on is on the network too, and takes part in it no more. */
function mirrorProblems(network: Network, nics: readonly Nic[]): Problem[] {
  const ids = new Set(nics.map(({ id }) => id));
  const wishes = [
    { of: network, subject: `network ${network.name}`, to: networkOptions(network).mirror },
    ...nics.map((nic) => ({ of: nic, subject: nic.id, to: nicOptions(nic).mirror })),
  ];
  return wishes.flatMap(({ of, subject, to }) =>
    to === undefined || (ids.has(to) && to !== subject)
      ? []
      : [
          {
            code: 'ovs/mirror-target',
            message: `${subject} is mirrored to ${to}, which is ${to === subject ? 'itself' : `no NIC of a machine here on the network ${network.name}`}`,
            fix: `give the machine that looks on a NIC of its own on ${network.name}, and write it as MACHINE/INDEX`,
            at: locationOfKey(of, 'mirror'),
          },
        ],
  );
}
