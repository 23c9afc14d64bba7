import type { PortStatus } from '../../engines/contract.js';
import { observeAll } from '../../plan/plan.js';
import { addressesText } from '../output/machines.js';
import { paint, type Screen } from '../output/style.js';
import { renderTable } from '../output/table.js';
import { readProject, type Project } from '../project.js';
import { type CommonOptions, type Session, writeJson } from '../session.js';

/** What stands and what passes: machines, networks, ports with frames, bytes and drops by reason. */
export async function statusVerb(session: Session, options: CommonOptions): Promise<number> {
  const project = await readProject(session, options);
  const [observed, statuses] = await Promise.all([
    observeAll(project.providers, session.signal),
    Promise.all(
      [...project.engines].map(async ([name, engine]) => ({
        name,
        ...(await engine.status(session.signal)),
      })),
    ),
  ]);
  const started = new Set(
    observed.filter((resource) => resource.kind === 'machine').flatMap((one) => one.affects),
  );
  const ports = new Map(statuses.flatMap((status) => status.ports).map((port) => [port.nic, port]));
  const engines = statuses.filter((status) =>
    project.topology.networks.some((one) => one.engine === status.name),
  );
  if (session.format === 'json') {
    const { networks, machines, forwards } = project.topology;
    writeJson(session, {
      project: project.topology.project,
      networks,
      machines,
      forwards,
      started: [...started],
      engines,
    });
    return 0;
  }
  for (const engine of engines) {
    const state = engine.running ? paint(session.out, 'green', 'up') : paint(session.out, 'yellow', 'down');
    session.out.write(`${project.topology.project} on engine ${engine.name}: ${state}\n`);
  }
  session.out.write(`\n${renderNics(session.out, project, ports, started)}`);
  session.out.write(`\n${renderNetworks(session.out, project)}`);
  const notes = engines.flatMap((engine) => engine.notes);
  if (notes.length > 0) session.out.write(`\n${notes.join('\n')}\n`);
  return 0;
}

function renderNics(
  screen: Screen,
  project: Project,
  ports: ReadonlyMap<string, PortStatus>,
  started: ReadonlySet<string>,
): string {
  const headings = ['MACHINE', 'STATE', 'NETWORK', 'LINK', 'ADDRESSES', 'SENT', 'RECEIVED', 'DROPPED'];
  const rows = project.topology.machines.flatMap((machine) =>
    machine.nics.map((nic, index) => {
      const port = ports.get(nic.id);
      const running = started.has(machine.name) ? paint(screen, 'green', 'running') : 'not started';
      return [
        index === 0 ? machine.name : '',
        index === 0 ? (machine.command === undefined ? 'by hand' : running) : '',
        nic.network,
        port?.connected ? paint(screen, 'green', 'up') : paint(screen, 'yellow', 'down'),
        addressesText(nic),
        trafficText(port?.rxFrames, port?.rxBytes),
        trafficText(port?.txFrames, port?.txBytes),
        Object.entries(port?.drops ?? {})
          .filter(([, count]) => count > 0)
          .map(([reason, count]) => `${reason} ${count}`)
          .join(', '),
      ];
    }),
  );
  return renderTable(screen, headings, rows);
}

function renderNetworks(screen: Screen, project: Project): string {
  const rows = project.topology.networks.map((network) => [
    network.name,
    network.mode,
    network.engine,
    `${network.mtuBytes}`,
    [network.ipv4, network.ipv6]
      .flatMap((subnet) => (subnet === undefined ? [] : [`${subnet.address}/${subnet.prefixLength}`]))
      .join(' '),
    network.dns?.domain ?? '',
  ]);
  return renderTable(screen, ['NETWORK', 'MODE', 'ENGINE', 'MTU', 'SUBNETS', 'DOMAIN'], rows);
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

function trafficText(frames = 0, bytes = 0): string {
  const power = bytes === 0 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const scaled = bytes / 1000 ** power;
  return `${frames} frames, ${scaled >= 100 || power === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${UNITS[power]}`;
}
