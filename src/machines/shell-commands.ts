import type { Change, Resource } from '../plan/resource.js';
import { commandLine, isQemu, quoteForShell } from './command-line.js';
import { descriptionOf, type NicArguments } from './description.js';
import { nicChanges } from './hotplug.js';
import { type NicPlug, plugOf } from './nic-plug.js';
import type { MachineFiles } from './run-files.js';

/** What a person would type for a change of a machine. Pure. */
export function shellCommands(change: Change, files: MachineFiles): string[] {
  switch (change.action) {
    case 'create':
      return [startCommand(files, change.after)];
    case 'delete':
      return [stopCommand(files, change.before)];
    case 'replace':
      return [stopCommand(files, change.before), startCommand(files, change.after)];
    case 'update': {
      const { removed, added } = nicChanges(
        descriptionOf(change.before).nics,
        descriptionOf(change.after).nics,
      );
      return [
        ...plugs(removed).flatMap((plug) => [
          monitorCommand(files, { execute: 'device_del', arguments: { id: plug.deviceId } }),
          monitorCommand(files, { execute: 'netdev_del', arguments: { id: plug.netdevId } }),
        ]),
        ...plugs(added).flatMap((plug) => [
          monitorCommand(files, { execute: 'netdev_add', arguments: plug.netdev }),
          monitorCommand(files, { execute: 'device_add', arguments: plug.device }),
        ]),
      ];
    }
  }
}

function plugs(nics: readonly NicArguments[]): NicPlug[] {
  return nics.flatMap((nic) => plugOf(nic.arguments) ?? []);
}

function startCommand(files: MachineFiles, resource: Resource): string {
  const description = descriptionOf(resource);
  const words = quoteForShell(commandLine(description, files.qmpSocket));
  const log = quoteForShell([files.log]);
  const opened = description.nics
    .flatMap(({ descriptors = [] }) => descriptors)
    .map(({ fd, path }) => ` ${fd}<>${quoteForShell([path])}`)
    .join('');
  return `(cd ${quoteForShell([description.directory])} && setsid ${words} </dev/null >>${log} 2>&1${opened} &)`;
}

function stopCommand(files: MachineFiles, resource: Resource): string {
  return isQemu(descriptionOf(resource).command)
    ? monitorCommand(files, { execute: 'system_powerdown' })
    : `kill "$(cut -d ' ' -f 1 ${quoteForShell([files.pid])})"`;
}

function monitorCommand(files: MachineFiles, command: object): string {
  const text = `{"execute":"qmp_capabilities"}${JSON.stringify(command)}`;
  return `echo ${quoteForShell([text])} | socat -t 1 - UNIX-CONNECT:${quoteForShell([files.qmpSocket])}`;
}
