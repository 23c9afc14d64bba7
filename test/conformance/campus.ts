import type { EngineName } from '../../src/topology/topology.js';
import type { Guest } from '../lab/guest.js';
import { freePort, type HostWeb, startHostWeb } from './host-services.js';
import { Stage } from './stage.js';

/** Ports of the host's loopback that the project uses. */
interface CampusPorts {
  readonly http: number;
  readonly udp: number;
}

/**
 * The project that the scenarios run on: a `nat` and an `isolated` network with a machine on both, two `routed` networks.
 * Four machines, as many as two cores boot in good time.
 */
export function campusFile(
  engine: EngineName,
  ports: CampusPorts,
  extra: { networks?: string; machines?: string } = {},
): string {
  return `project: campus
engine: ${engine}
networks:
  web: { mode: nat, ipv4: 10.10.10.0/24, host-loopback: true, dns: { domain: campus.internal } }
  back: { mode: isolated, ipv4: 10.10.20.0/24, dhcp: true }
  east: { mode: routed, ipv4: 10.20.1.0/24 }
  west: { mode: routed, ipv4: 10.20.2.0/24 }
${extra.networks ?? ''}
machines:
  web1:
    nics:
      - { network: web, ipv4: 10.10.10.11, forwards: ["127.0.0.1:${ports.http}:9090", "127.0.0.1:${ports.udp}:7/udp"] }
      - { network: back, ipv4: 10.10.20.11 }
  db1: { nics: [{ network: back, ipv4: 10.10.20.12 }] }
  e1: { nics: [{ network: east, ipv4: 10.20.1.11 }] }
  w1: { nics: [{ network: west, ipv4: 10.20.2.11 }] }
${extra.machines ?? ''}
`;
}

export interface Campus {
  readonly stage: Stage;
  readonly engine: EngineName;
  readonly ports: CampusPorts;
  readonly hostWeb: HostWeb;
  readonly web1: Guest;
  readonly db1: Guest;
  readonly e1: Guest;
  readonly w1: Guest;
  close(): Promise<void>;
}

/** Makes the project real on an engine and boots its machines. */
export async function openCampus(engine: EngineName): Promise<Campus> {
  const stage = await Stage.open();
  const hostWeb = await startHostWeb();
  const ports = { http: await freePort(), udp: await freePort() };
  try {
    await stage.write(campusFile(engine, ports));
    await stage.must('up');
    // One after the other: a boot uses both cores for two seconds.
    const [web1, db1, e1, w1] = [
      await stage.guest('web1', ['socat']),
      await stage.guest('db1'),
      await stage.guest('e1'),
      await stage.guest('w1'),
    ];
    await Promise.all([web1, db1, e1, w1].map((guest) => guest.ready()));
    const close = async (): Promise<void> => {
      await stage.close();
      await hostWeb.close();
    };
    return { stage, engine, ports, hostWeb, web1, db1, e1, w1, close };
  } catch (error) {
    await stage.close();
    await hostWeb.close();
    throw error;
  }
}
