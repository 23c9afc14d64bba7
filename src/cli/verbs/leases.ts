import { renderTable } from '../output/table.js';
import { readProject } from '../project.js';
import { type CommonOptions, type Session, writeJson } from '../session.js';

/** Who has which address, as the DHCP servers of the networks know it. */
export async function leasesVerb(session: Session, options: CommonOptions): Promise<number> {
  const { engines } = await readProject(session, options);
  const leases = (
    await Promise.all([...engines.values()].map((engine) => engine.leases(session.signal)))
  ).flat();
  if (session.format === 'json') {
    writeJson(session, leases);
    return 0;
  }
  const rows = leases.map((lease) => [
    lease.address,
    lease.mac,
    lease.machine ?? lease.hostname ?? '',
    lease.network,
    lease.expiresAtMs === undefined ? 'never' : new Date(lease.expiresAtMs).toISOString(),
  ]);
  session.out.write(renderTable(session.out, ['ADDRESS', 'MAC', 'MACHINE', 'NETWORK', 'EXPIRES'], rows));
  return 0;
}
