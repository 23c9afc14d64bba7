import type { EngineName } from '../topology/topology.js';
import type { EngineFactory } from './contract.js';
import { createLinuxEngine } from './linux/linux-engine.js';
import { createOvnEngine } from './ovn/ovn-engine.js';
import { createOvsEngine } from './ovs/ovs-engine.js';
import { createUserEngine } from './user/user-engine.js';
import { createVdeEngine } from './vde/vde-engine.js';

/** The engines of this build. The one place that names them. */
export const ENGINES: Readonly<Partial<Record<EngineName, EngineFactory>>> = {
  user: createUserEngine,
  linux: (context) => createLinuxEngine(context),
  vde: createVdeEngine,
  ovs: (context) => createOvsEngine(context),
  ovn: (context) => createOvnEngine(context),
};
