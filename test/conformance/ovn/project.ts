import type { Network, Topology } from '../../../src/topology/topology.js';
import { createOvnEngine } from '../../../src/engines/ovn/ovn-engine.js';
import { EngineProject } from '../engine-project.js';
import { network } from '../ovs/topologies.js';
import type { OvnHost } from './ovn-host.js';

/** A project of the engine ovn on one host. */
export function openProject(name: string, host: OvnHost): Promise<EngineProject> {
  return EngineProject.open(name, (context) => createOvnEngine(context, host.seenByEngine));
}

export function ovnNetwork(...[project, name, mode, more = {}]: Parameters<typeof network>): Network {
  return network(project, name, mode, { engine: 'ovn', ...more });
}

/** Namespace of a machine that is one. */
export function namespaceOf({ project }: Pick<Topology, 'project'>, machine: string): string {
  return `passerelle:${project}:ovn-machine:${machine}`;
}
