/** TCP between a real QEMU guest and the host through user-mode NATs. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildMicroGuest, type Guest, startGuest, stopAllGuests, virtioNic } from '../test/lab/guest.js';
import { benchmark } from './benchmark.js';
import { LIBSLIRP } from './peers/qemu.js';
import { startPasst } from './peers/nat.js';
import { type Contender, comparison, COMPARISON, failureNotes, measureInRounds } from './rounds.js';
import { GATEWAY_ADDRESS, macOf, putNetwork, putPort, startFabric } from './stage/fabric.js';
import { serveHttp } from './stage/http-host.js';
import { transferTcp } from './stage/iperf3.js';
import { requireSandbox } from './stage/sandbox.js';

const MEBIBYTE = 1024 * 1024;
const TRANSFER_TIMEOUT_MS = 15_000;

/** A guest, and what leads to the host's loopback from inside. */
interface Placed {
  readonly name: string;
  readonly guest: Guest;
  readonly hostAddress: string;
}

await benchmark(
  'NAT: TCP of a real guest',
  { limitSeconds: 300 },
  async ({ scope, directory, runs, seconds, ...report }) => {
    requireSandbox();
    scope.defer(stopAllGuests);
    await buildMicroGuest(scope.signal);
    const boot = (name: string, netdev: string, mac?: string): Promise<Guest> =>
      startGuest({ name, nics: [virtioNic('n0', netdev, mac)], programs: ['iperf3'] }, scope.signal);
    const fabric = await startFabric(scope, directory);
    const socketPath = fabric.socketPath(1);
    await fabric.apply(putNetwork({ mode: 'nat', mtuBytes: 1500, dhcp: true }), putPort(1, socketPath));
    await mkdir(join(directory, 'passt'));
    const passt = await startPasst(scope, join(directory, 'passt'), 1500);
    const stream = 'stream,addr.type=unix';
    const placed: readonly Placed[] = [
      {
        name: 'passerelle',
        guest: await boot('ours', `${stream},server=on,addr.path=${socketPath}`, macOf(1)),
        hostAddress: GATEWAY_ADDRESS,
      },
      { name: 'libslirp (QEMU)', guest: await boot('slirp', 'user'), hostAddress: LIBSLIRP.gateway },
      {
        name: 'passt',
        guest: await boot('passt', `${stream},server=off,addr.path=${passt.socketPath}`),
        hostAddress: passt.hostAddress,
      },
    ];
    await Promise.all(placed.map(({ guest }) => guest.ready()));
    const port = await serveHttp(scope);

    // A guest does some 20 MB/s under emulation.
    const bytes = Math.max(16, Math.min(256, Math.round(seconds * 21))) * MEBIBYTE;
    const load = async ({ guest, hostAddress }: Placed): Promise<number> => {
      const startedAtMs = performance.now();
      // It fails when fewer bytes come than were announced.
      await guest.must(`wget -q -O /dev/null http://${hostAddress}:${port}/plain/${bytes}`, {
        timeoutMs: TRANSFER_TIMEOUT_MS,
      });
      return (bytes * 8) / ((performance.now() - startedAtMs) / 1000);
    };
    // Bytes and time are the server's: a guest's clock drifts.
    const send = ({ guest, hostAddress }: Placed): Promise<number> =>
      transferTcp(scope, {
        runClient: (argv, timeoutMs) => guest.must(argv.join(' '), { timeoutMs }),
        server: (argv) => [...argv],
        listenAddress: '127.0.0.1',
        address: hostAddress,
        direction: 'to-server',
        seconds,
      });
    const rows: string[][] = [];
    for (const [what, measure] of [
      [`host → guest, ${bytes / MEBIBYTE} MiB by HTTP`, load],
      ['guest → host, iperf3', send],
    ] as const) {
      const contenders = placed.map((one): Contender => ({ name: one.name, measure: () => measure(one) }));
      const samples = await measureInRounds(what, contenders, { runs, scope });
      rows.push([what, ...comparison(samples, 'bit/s')]);
      report.notes(failureNotes(what, samples));
    }
    report.text(
      `A micro guest under emulation (-accel tcg, virtio, MTU 1500) and servers on the host's 127.0.0.1. ${COMPARISON} The emulated guest is what limits all of them.`,
    );
    report.table(['', ...placed.map(({ name }) => name)], rows);
  },
);
