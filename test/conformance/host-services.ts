/** Servers on the host's loopback that machines talk to, and what the host fetches from machines. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer as createTcpServer } from 'node:net';
import * as dnsPacket from 'dns-packet';
import { patternBytes } from './pattern.js';

export interface HostWeb {
  readonly port: number;
  /** Digest and length of what was uploaded last. */
  readonly uploaded: { bytes: number; md5: string };
  close(): Promise<void>;
}

/** On 127.0.0.1 and ::1: `GET /BYTES` answers with that many pattern bytes, `POST` counts and digests, `GET /slow/SECONDS` trickles. */
export async function startHostWeb(): Promise<HostWeb> {
  const uploaded = { bytes: 0, md5: '' };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.method === 'POST') {
      const hash = createHash('md5');
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        bytes += chunk.length;
      });
      request.on('end', () => {
        uploaded.bytes = bytes;
        uploaded.md5 = hash.digest('hex');
        response.end(`${bytes} ${uploaded.md5}\n`);
      });
      return;
    }
    const slow = /^\/slow\/(\d+)$/.exec(request.url ?? '');
    if (slow !== null) {
      let left = Number(slow[1]) * 10;
      const timer = setInterval(() => {
        response.write(`tick ${left}\n`);
        if (--left > 0) return;
        clearInterval(timer);
        response.end('complete\n');
      }, 100);
      request.on('close', () => clearInterval(timer));
      return;
    }
    const total = Number((request.url ?? '/0').slice(1));
    if (!(total > 0)) {
      response.end('the host\n');
      return;
    }
    response.setHeader('Content-Length', total);
    const chunks = patternBytes(total);
    const pump = (): void => {
      for (;;) {
        const { value, done } = chunks.next();
        if (done || value === undefined) {
          response.end();
          return;
        }
        if (!response.write(value)) break;
      }
    };
    response.on('drain', pump);
    pump();
  };
  const servers = [createServer(answer), createServer(answer)] as const;
  const port = await listen(servers[0]);
  servers[1].listen(port, '::1');
  await once(servers[1], 'listening');
  return {
    port,
    uploaded,
    close: async () => {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      }
    },
  };
}

/** A name server on UDP that knows one address for every name. */
export async function startNameServer(address: string): Promise<{ port: number; close: () => void }> {
  const socket = createSocket('udp4');
  socket.on('message', (message, peer) => {
    const { id, questions = [] } = dnsPacket.decode(message);
    const answers = questions
      .filter((question) => question.type === 'A')
      .map(({ name }) => ({ type: 'A' as const, name, ttl: 1, data: address }));
    const reply = dnsPacket.encode({ type: 'response', ...(id !== undefined && { id }), questions, answers });
    socket.send(reply, peer.port, peer.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, close: () => socket.close() };
}

/** A TCP port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server as unknown as Server);
  server.close();
  await once(server, 'close');
  return port;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** The body of `http://127.0.0.1:PORT/PATH`. */
export async function fetchText(port: number, path = '/'): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(20_000) });
  return await response.text();
}

/** Whether a TCP connection to 127.0.0.1:PORT is taken. */
export async function connects(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(3000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
