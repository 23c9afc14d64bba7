/** Captures a network and is killed by its parent meanwhile. Arguments: host's run directory, its namespace, project, network as JSON. */
import { runnerIn } from '../../../src/clients/command/run.js';
import { parseRemote } from '../../../src/clients/ovsdb/remote.js';
import { captureNetwork } from '../../../src/engines/ovs/capture/capture.js';
import type { Network } from '../../../src/topology/topology.js';

const [directory = '', namespace = '', project = '', lab = '{}'] = process.argv.slice(2);
const host = {
  run: runnerIn(namespace),
  namespace,
  remote: parseRemote(`unix:${directory}/db.sock`),
  datapath: 'netdev' as const,
};
const context = { host, project, directory };
for await (const chunk of captureNetwork(context, JSON.parse(lab) as Network, AbortSignal.timeout(60_000)))
  process.stdout.write(chunk);
