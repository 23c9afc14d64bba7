/** What a person would type for a change: VDE's own programs, and lines for the management sockets. Pure. */
import { shellWord } from '../../clients/command/run.js';
import type { Change, Resource } from '../../plan/resource.js';
import { cableCommandOf } from './cable-process.js';
import { cableFor } from './execute.js';
import {
  cablePidFile,
  controlDirectory,
  networkFiles,
  type NetworkFiles,
  stableDirectory,
} from './network-files.js';
import type { EngineContext } from '../contract.js';
import {
  cableName,
  hasCable,
  networkOf,
  NO_VLAN,
  portOf,
  type PortProperties,
  SWITCH_KIND,
  switchOf,
} from './resources.js';
import { switchCommandOf } from './switch-process.js';

/** For switches, ports and cables. @param incarnationOf of the switch that will have run. */
export function switchCommands(
  context: EngineContext,
  change: Change,
  incarnationOf: (network: string) => number,
): string[] {
  const subject = change.action === 'delete' ? change.before : change.after;
  const network = networkOf(subject);
  const files = networkFiles(context.places, network);
  if (subject.kind === SWITCH_KIND) return switchLines(files, change);
  switch (change.action) {
    case 'create':
      return makeLines(context, files, change.after, incarnationOf(network));
    case 'update':
      return say(files, membershipLines(portOf(change.before), portOf(change.after)));
    case 'replace':
      return [
        ...unmakeLines(files, change.before),
        ...makeLines(context, files, change.after, incarnationOf(network)),
      ];
    case 'delete':
      return unmakeLines(files, change.before);
  }
}

function switchLines(files: NetworkFiles, change: Change): string[] {
  const stop = (incarnation: number): string[] => [
    `kill "$(cat ${shellWord(files.switchPidFile)})"`,
    `rm -rf ${shellWord(controlDirectory(files, incarnation))} ${shellWord(files.managementSocket)}`,
  ];
  if (change.action === 'delete') {
    const { state, incarnation } = switchOf(change.before);
    return [...(state === 'dead' ? [] : stop(incarnation)), `rm -rf ${shellWord(files.directory)}`];
  }
  const { incarnation, portCount, isHub, speaksFstp } = switchOf(change.after);
  const settings = [...(isHub ? ['port/sethub 1'] : []), ...(speaksFstp ? ['fstp/setfstp 1'] : [])];
  const start = [
    `mkdir -p -m 0700 ${shellWord(files.directory)}`,
    `ln -sfn ctl.${incarnation} ${shellWord(stableDirectory(files))}`,
    switchCommandOf(files, { incarnation, portCount }).map(shellWord).join(' '),
    // It daemonizes first and opens its sockets then.
    `until [ -S ${shellWord(files.managementSocket)} ]; do sleep 0.1; done`,
    ...say(files, settings),
  ];
  switch (change.action) {
    case 'create':
      return start;
    case 'replace':
      return [
        ...stop(switchOf(change.before).incarnation),
        `rm -f ${shellWord(files.switchPidFile)}`,
        ...start,
      ];
    case 'update':
      return say(files, [
        ...(change.changed.includes('portCount') ? [`port/setnumports ${portCount}`] : []),
        ...(change.changed.includes('isHub') ? [`port/sethub ${isHub ? 1 : 0}`] : []),
        ...(change.changed.includes('speaksFstp') ? [`fstp/setfstp ${speaksFstp ? 1 : 0}`] : []),
      ]);
  }
}

const NEW_PORT = { untaggedVlan: 0, taggedVlans: [] } as const;

function makeLines(
  context: EngineContext,
  files: NetworkFiles,
  resource: Resource,
  incarnation: number,
): string[] {
  const port = portOf(resource);
  const before = { number: port.number, ...NEW_PORT };
  return [
    ...say(files, [`port/create ${port.number}`, ...membershipLines(before, port)]),
    ...(hasCable(resource)
      ? [
          cableCommandOf(cableFor(context, resource, incarnation))
            .map(shellWord)
            .join(' '),
        ]
      : []),
  ];
}

function unmakeLines(files: NetworkFiles, resource: Resource): string[] {
  const pidFile = cablePidFile(files, cableName(resource));
  return [
    ...(hasCable(resource) ? [`kill "$(cat ${shellWord(pidFile)})"`] : []),
    ...say(files, [`port/remove ${portOf(resource).number}`]),
  ];
}

function membershipLines(before: PortProperties, after: PortProperties): string[] {
  const { number, untaggedVlan, taggedVlans } = after;
  const vlans = [...new Set([untaggedVlan, ...taggedVlans])].filter((vlan) => vlan !== 0 && vlan !== NO_VLAN);
  return [
    ...vlans.map((vlan) => `vlan/create ${vlan}`),
    ...(before.untaggedVlan === untaggedVlan ? [] : [`port/setvlan ${number} ${untaggedVlan}`]),
    ...taggedVlans
      .filter((vlan) => !before.taggedVlans.includes(vlan))
      .map((vlan) => `vlan/addport ${vlan} ${number}`),
    ...before.taggedVlans
      .filter((vlan) => !taggedVlans.includes(vlan) && vlan !== untaggedVlan)
      .map((vlan) => `vlan/delport ${vlan} ${number}`),
  ];
}

/** The switch takes one command at a time: one conversation for each. */
function say(files: NetworkFiles, lines: readonly string[]): string[] {
  const socket = shellWord(files.managementSocket);
  return lines.map((line) => `echo ${shellWord(line)} | socat - UNIX-CONNECT:${socket}`);
}
