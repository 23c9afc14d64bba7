import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandChannel } from './command-channel.js';

const [target, line, seconds = '30'] = process.argv.slice(2);
if (target === undefined || line === undefined || !(Number(seconds) > 0)) {
  console.error('usage: test/lab/guest-run NAME|SOCKET LINE [TIMEOUT-SECONDS]');
  process.exit(2);
}

const directory =
  process.env['MICRO_GUEST_DIR'] ?? fileURLToPath(new URL('../../.cache/lab/run', import.meta.url));
const socketPath = target.includes('/') ? target : join(directory, `${target}.commands`);
const timeoutMs = Number(seconds) * 1000;
try {
  const channel = await CommandChannel.open(socketPath, AbortSignal.timeout(timeoutMs));
  const { status, outputBytes } = await channel.run(line, { timeoutMs });
  process.stdout.write(outputBytes);
  channel.close();
  process.exitCode = status;
} catch (error) {
  console.error(
    `guest-run: ${target} does not answer on ${socketPath}:`,
    error instanceof Error ? error.message : error,
  );
  process.exitCode = 125;
}
