import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine, EngineContext } from '../../src/engines/contract.js';
import { apply } from '../../src/plan/apply.js';
import { makePlan, type Plan, type Providers } from '../../src/plan/plan.js';
import type { Resource } from '../../src/plan/resource.js';
import type { Topology } from '../../src/topology/topology.js';

/** A project on one host, brought up and down as the command does it, without the command. */
export class EngineProject implements AsyncDisposable {
  readonly engine: Engine;
  readonly #providers: Providers;

  protected constructor(
    readonly name: string,
    readonly directory: string,
    makeEngine: (context: EngineContext) => Engine,
  ) {
    const places = { runDir: join(directory, 'passerelle', name), stateDir: join(directory, 'state', name) };
    this.engine = makeEngine({ project: name, places });
    this.#providers = new Map([[this.engine.name, this.engine]]);
  }

  static async open(name: string, makeEngine: (context: EngineContext) => Engine): Promise<EngineProject> {
    return new EngineProject(name, await mkdtemp(join(tmpdir(), 'psl-project-')), makeEngine);
  }

  async plan(desired: readonly Resource[], signal: AbortSignal): Promise<Plan> {
    return makePlan(this.name, desired, await this.engine.observe(signal), this.#providers);
  }

  /** The steps that a topology asks for: `create ovs/port/a/0`. */
  async pending(topology: Topology, signal: AbortSignal): Promise<string[]> {
    const plan = await this.plan(this.engine.desire(topology), signal);
    return plan.steps.map(
      ({ change }) => `${change.action} ${change.action === 'delete' ? change.before.id : change.after.id}`,
    );
  }

  /** Plans, applies and verifies. @returns the plan that was carried out. */
  async up(topology: Topology, signal: AbortSignal): Promise<Plan> {
    const problems = this.engine.check(topology);
    if (problems.length > 0) throw new Error(problems.map((problem) => problem.message).join('; '));
    return this.#apply(this.engine.desire(topology), signal);
  }

  /** Makes exactly these resources stand. */
  async upTo(desired: readonly Resource[], signal: AbortSignal): Promise<Plan> {
    return this.#apply(desired, signal);
  }

  async down(signal: AbortSignal): Promise<Plan> {
    return this.#apply([], signal);
  }

  async #apply(desired: readonly Resource[], signal: AbortSignal): Promise<Plan> {
    const checkpoint = await this.engine.observe(signal);
    const plan = makePlan(this.name, desired, checkpoint, this.#providers);
    await apply({ plan, desired, checkpoint, providers: this.#providers, events: {}, signal });
    return plan;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down(AbortSignal.timeout(30_000)).catch(() => undefined);
    await rm(this.directory, { recursive: true, force: true });
  }
}
