/** Takes the uplink into the bridge and is killed by its parent while it waits. Arguments: namespace, run and state directory. */
import { createLinuxEngine } from '../../../src/engines/linux/linux-engine.js';
import { converge } from './converge.js';
import { LAN } from './uplink-topology.js';
import { PROJECT } from './namespace-lab.js';

const [namespace = '', runDir = '', stateDir = ''] = process.argv.slice(2);
const engine = createLinuxEngine(
  { project: PROJECT, places: { runDir, stateDir } },
  { namespace, commitLimitMs: 4000, peers: [] },
);
await converge(engine, LAN);
