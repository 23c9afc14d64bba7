/**
 * The fabric's process: `main.js --project NAME --run-dir DIR --state-dir DIR`. The control socket is
 * `RUN_DIR/fabric.sock`, the pid file `RUN_DIR/fabric.pid`, the log is standard output. Ends at SIGTERM, SIGINT or the
 * `shutdown` call, leaving neither file behind; any defect ends it with status 1, and the log says why.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PasserelleError } from '../errors.js';
import { VERSION } from '../version.js';
import { serveControl } from './control/server.js';
import { Fabric } from './fabric.js';
import { removePidFile, writePidFile } from './pid-file.js';

const USAGE = 'usage: fabric --project NAME --run-dir DIR --state-dir DIR';

function log(line: string): void {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function readArguments(): { project: string; runDir: string; stateDir: string } | undefined {
  try {
    const { values } = parseArgs({
      options: {
        project: { type: 'string' },
        'run-dir': { type: 'string' },
        'state-dir': { type: 'string' },
      },
    });
    const { project, 'run-dir': runDir, 'state-dir': stateDir } = values;
    if (project === undefined || runDir === undefined || stateDir === undefined) return undefined;
    return { project, runDir, stateDir };
  } catch {
    return undefined;
  }
}

async function main(): Promise<void> {
  const options = readArguments();
  if (options === undefined) {
    process.stderr.write(`${USAGE}\n`);
    process.exitCode = 2;
    return;
  }
  process.umask(0o077);
  const { project, runDir, stateDir } = options;
  const pidPath = join(runDir, 'fabric.pid');
  const fabric = new Fabric({ stateDir, version: VERSION, log });
  let isStopping = false;
  const stop = async (reason: string): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    log(`stopping: ${reason}`);
    await control.close();
    await fabric.close();
    removePidFile(pidPath);
    log('stopped');
    process.exit(0);
  };
  const control = await serveControl(join(runDir, 'fabric.sock'), {
    configuration: () => fabric.configuration(),
    async apply({ operations }) {
      await fabric.apply(operations);
      return {};
    },
    status: () => fabric.status(),
    leases: () => fabric.leases(),
    capture: (portId) => fabric.capture(portId),
    trace: (portId) => fabric.trace(portId),
    shutdown: () => ({}),
    onShutdownAnswered: () => void stop('asked to'),
    onDefect: (error) => log(`defect: ${describe(error)}`),
  });
  writePidFile(pidPath);
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  // The terminal it was started from may go.
  process.on('SIGHUP', () => undefined);
  log(`fabric ${VERSION} of project ${project}, pid ${process.pid}, control socket ${runDir}/fabric.sock`);
}

function fail(error: unknown): void {
  log(error instanceof PasserelleError ? error.message : `defect: ${describe(error)}`);
  process.exit(1);
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
await main().catch(fail);
