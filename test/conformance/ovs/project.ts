import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OvsHost as EngineHost } from '../../../src/engines/ovs/host/host.js';
import { createOvsEngine } from '../../../src/engines/ovs/ovs-engine.js';
import { EngineProject } from '../engine-project.js';
import type { OvsHost } from './ovs-host.js';

/** A project of the engine ovs on one host. */
export class OvsProject extends EngineProject {
  /** @param more what the engine is to think of the host besides. */
  static async create(name: string, host: OvsHost, more: Partial<EngineHost> = {}): Promise<OvsProject> {
    const directory = await mkdtemp(join(tmpdir(), 'psl-project-'));
    return new OvsProject(name, directory, (context) =>
      createOvsEngine(context, { ...host.seenByEngine, ...more }),
    );
  }
}
