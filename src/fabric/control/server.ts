/** The control socket: a unix stream server that only its owner can reach, with at most 64 conversations at once. */
import { createServer, type Socket } from 'node:net';
import { ControlConnection, type ControlHandlers } from './connection.js';
import { listenAt } from './control-socket.js';

const MAX_CONNECTIONS = 64;
/** How long a client may take to read its last answer. */
const LAST_ANSWER_TIMEOUT_MS = 1_000;

export interface ControlServer {
  /** Gives up the place and ends every conversation. */
  close(): Promise<void>;
}

/**
 * Serves the control protocol at a unix socket.
 * @throws PasserelleError `fabric/already-running` when a living fabric is there; see `listenAt`.
 */
export async function serveControl(path: string, handlers: ControlHandlers): Promise<ControlServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    void new ControlConnection(socket, handlers);
  });
  server.maxConnections = MAX_CONNECTIONS;
  let release: () => Promise<void>;
  try {
    release = await listenAt(server, path);
  } catch (error) {
    server.close();
    throw error;
  }
  return {
    async close() {
      await release();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of sockets) socket.destroySoon();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, LAST_ANSWER_TIMEOUT_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}
