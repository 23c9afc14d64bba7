/**
 * Sends a fabric hostile frames, as many as the argument says, from a machine that may claim any address. Then the
 * networks go, and with them all that a network may hold, so that what is left was lost.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fabric } from '../../src/fabric/fabric.js';
import {
  GATEWAY_MAC,
  GUEST_MAC,
  mac,
  network,
  port,
  secondNetwork,
  without,
} from '../fabric/gateway-stage.js';
import { hostileFrame } from '../fabric/hostile-frames.js';
import { Random } from '../fabric/nat/random.js';
import { ScriptedGuest } from '../fabric/scripted-guest.js';
import { settledMemory, tell } from './memory.js';

const BATCH_FRAMES = 64;
/** First, so that what is compiled and filled once is not counted. */
const WARM_UP_FRAMES = 100_000;

const count = Number(process.argv[2]);
const random = new Random(Number(process.env['FUZZ_SEED'] ?? 1));
const directory = await mkdtemp(join(tmpdir(), 'psl-hostile-'));
const fabric = new Fabric({ stateDir: directory, version: '0', log: () => undefined });
const socketPath = join(directory, 'm.sock');
const guest = await ScriptedGuest.listen({ socketPath, mac: mac(GUEST_MAC), gatewayMac: mac(GATEWAY_MAC) });
// Nothing is kept.
guest.onFrame = () => undefined;

/** @returns bytes held while the networks stand. */
async function flood(frames: number): Promise<number> {
  await fabric.apply([
    { put: 'network', value: network({ hostLoopback: true }) },
    { put: 'network', value: without(secondNetwork({ mode: 'routed' }), 'dhcp') },
    { put: 'port', value: port({ antiSpoofing: false, socketPath }) },
  ]);
  await guest.connected();
  const connections = guest.connections;
  for (let sent = 0; sent < frames; sent += BATCH_FRAMES) {
    const batch = Array.from({ length: BATCH_FRAMES }, () => hostileFrame(random));
    if (!guest.sendFrame(...batch)) await guest.drained();
    if (sent % (64 * BATCH_FRAMES) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  // All were read once the fabric has counted them.
  while ((fabric.status().ports[0]?.rxFrames ?? 0) < frames)
    await new Promise((resolve) => setTimeout(resolve, 10));
  if (guest.connections !== connections) throw new Error('the fabric hung up');
  const { heldBytes } = await settledMemory();
  await fabric.apply([
    { delete: 'port', id: port().id },
    { delete: 'network', id: 'web' },
    { delete: 'network', id: 'back' },
  ]);
  return heldBytes;
}

await flood(WARM_UP_FRAMES);
const before = await settledMemory();
const fullBytes = (await flood(count)) - before.heldBytes;
const after = await settledMemory();
await guest.close();
await fabric.close();
await rm(directory, { recursive: true, force: true });
tell({ before, after, fullBytes });
