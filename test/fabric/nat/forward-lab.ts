/** What tests of forwards share: real clients on the loopback, and everything closed behind them. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { ForwardedGuest } from './forwarded-guest.js';

/** To be closed when the test is over. */
export const opened: { destroy(): void }[] = [];
/** Closes what the test opened. */
export function closeAll(): void {
  for (const each of opened.splice(0)) each.destroy();
}

export function setUp(...options: ConstructorParameters<typeof ForwardedGuest>) {
  const lab = new ForwardedGuest(...options);
  opened.push({ destroy: () => lab.nat.close() });
  return lab;
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Two neighbouring free ports. */
export async function freePair(): Promise<number> {
  for (;;) {
    const port = await freePort();
    const server = createServer().listen(port + 1, '127.0.0.1');
    const [event] = await Promise.race([
      once(server, 'listening').then(() => ['listening']),
      once(server, 'error').then(() => ['error']),
    ]);
    server.close();
    if (event === 'listening') return port;
  }
}

export function dial(port: number, host = '127.0.0.1'): Socket {
  const socket = connect({ port, host, allowHalfOpen: true });
  socket.on('error', () => undefined);
  opened.push(socket);
  return socket;
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

export async function ending(socket: Socket): Promise<string> {
  return await new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.on('end', () => resolve('end'));
    socket.resume();
  });
}
