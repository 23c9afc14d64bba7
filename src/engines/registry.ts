import type { EngineName } from '../topology/topology.js';
import type { EngineFactory } from './contract.js';
import { createUserEngine } from './user/user-engine.js';

/** The engines of this build. The one place that names them. */
export const ENGINES: Readonly<Partial<Record<EngineName, EngineFactory>>> = {
  user: createUserEngine,
};
