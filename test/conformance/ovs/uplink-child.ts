/**
 * Takes an uplink in and dies just before its N-th program. Arguments: N, the host's run directory and namespace, the
 * project's name and directory, the topology as JSON.
 */
import { join } from 'node:path';
import { type Run, runnerIn } from '../../../src/clients/command/run.js';
import { parseRemote } from '../../../src/clients/ovsdb/remote.js';
import { createOvsEngine } from '../../../src/engines/ovs/ovs-engine.js';
import { apply } from '../../../src/plan/apply.js';
import { makePlan } from '../../../src/plan/plan.js';
import type { Topology } from '../../../src/topology/topology.js';

const [at = '0', hostDirectory = '', namespace = '', project = '', directory = '', text = '{}'] =
  process.argv.slice(2);
const inside = runnerIn(namespace);
let count = 0;
let isCounting = false;
const run: Run = (argv, options) => {
  if (isCounting && ++count === Number(at)) process.kill(process.pid, 'SIGKILL');
  return inside(
    argv[0]?.startsWith('ovs-') ? ['env', `OVS_RUNDIR=${hostDirectory}`, ...argv] : argv,
    options,
  );
};
const places = {
  runDir: join(directory, 'passerelle', project),
  stateDir: join(directory, 'state', project),
};
const engine = createOvsEngine(
  { project, places },
  {
    run,
    namespace,
    remote: parseRemote(`unix:${hostDirectory}/db.sock`),
    datapath: 'netdev',
    commitLimitMs: 3000,
    peers: [],
  },
);
const providers = new Map([[engine.name, engine]]);
const signal = AbortSignal.timeout(60_000);
const desired = engine.desire(JSON.parse(text) as Topology);
const checkpoint = await engine.observe(signal);
// Looking on changes nothing: what is to be cut off begins here.
isCounting = true;
const plan = makePlan(project, desired, checkpoint, providers);
await apply({ plan, desired, checkpoint, providers, events: {}, signal });
