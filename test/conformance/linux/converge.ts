/** The product's own way from a topology to a world that is verified to be so. */
import { apply } from '../../../src/plan/apply.js';
import { makePlan, observeAll, type Plan, type Providers } from '../../../src/plan/plan.js';
import type { Engine } from '../../../src/engines/contract.js';
import type { Topology } from '../../../src/topology/topology.js';
import { PROJECT } from './namespace-lab.js';

const TIMEOUT_MS = 60_000;

export async function planFor(engine: Engine, topology: Topology | undefined): Promise<Plan> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const desired = topology === undefined ? [] : engine.desire(topology);
  return makePlan(PROJECT, desired, await observeAll(providersOf(engine), signal), providersOf(engine));
}

/** Makes it so and verifies it; without a topology takes everything down. */
export async function converge(engine: Engine, topology: Topology | undefined): Promise<Plan> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const providers = providersOf(engine);
  const desired = topology === undefined ? [] : engine.desire(topology);
  const checkpoint = await observeAll(providers, signal);
  const plan = makePlan(PROJECT, desired, checkpoint, providers);
  await apply({ plan, desired, checkpoint, providers, events: {}, signal });
  return plan;
}

function providersOf(engine: Engine): Providers {
  return new Map([[engine.name, engine]]);
}
