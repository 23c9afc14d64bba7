/** What a person types for a change of DHCP: a configuration is text, and appending or cutting a block is a line. */
import { shellWord } from '../../../clients/command/run.js';
import { blockLines } from '../../../clients/dnsmasq/config-blocks.js';
import { startArguments } from '../../../clients/dnsmasq/process.js';
import type { Change, Resource } from '../../../plan/resource.js';
import { blockOf, type DhcpFiles, instanceOf, nameOf } from './dhcp-files.js';
import { SERVER_KIND, type ServerProperties } from './dhcp-resources.js';

export function dhcpCommands(files: DhcpFiles, change: Change): string[] {
  switch (change.action) {
    case 'create':
      return come(files, change.after);
    case 'delete':
      return go(files, change.before);
    case 'update':
    case 'replace':
      return [...go(files, change.before), ...come(files, change.after), ...restart(files, change.after)];
  }
}

function come(files: DhcpFiles, resource: Resource): string[] {
  const instance = instanceOf(resource);
  const { config } = files.paths(instance);
  const lines = blockLines(blockOf(resource), files.renderFor(instance));
  return [
    `install -d -m 700 ${shellWord(files.directory)} ${shellWord(files.leaseDirectory)}`,
    `printf '%s\\n' ${lines.map(shellWord).join(' ')} >> ${shellWord(config)}`,
    ...(resource.kind === SERVER_KIND ? [startLine(files, resource)] : []),
  ];
}

function go(files: DhcpFiles, resource: Resource): string[] {
  const { config, pid } = files.paths(instanceOf(resource));
  const range = `\\|^# ${resource.kind} ${nameOf(resource)} |,/^$/d`;
  return [
    ...(resource.kind === SERVER_KIND ? stopLines(pid) : []),
    `sed -i ${shellWord(range)} ${shellWord(config)}`,
  ];
}

/** Only a process that starts reads its configuration; it starts where it ran before. */
function restart(files: DhcpFiles, resource: Resource): string[] {
  if (resource.kind === SERVER_KIND) return [];
  const { config, pid } = files.paths(instanceOf(resource));
  return [
    `namespace=$(ip netns identify "$(cat ${shellWord(pid)})")`,
    ...stopLines(pid),
    `\${namespace:+ip netns exec "$namespace"} ${startArguments(config).map(shellWord).join(' ')}`,
  ];
}

function stopLines(pidPath: string): string[] {
  return [
    `pid=$(cat ${shellWord(pidPath)})`,
    'kill "$pid"; while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done',
  ];
}

function startLine(files: DhcpFiles, resource: Resource): string {
  const { namespace } = resource.properties as unknown as ServerProperties;
  const inside = namespace === null ? [] : ['ip', 'netns', 'exec', namespace];
  return [...inside, ...startArguments(files.paths(instanceOf(resource)).config)].map(shellWord).join(' ');
}
