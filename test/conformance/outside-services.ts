/**
 * The servers of the host outside, a program of its own because it runs in that host's namespace. Says `ready` once they
 * listen, on every address of both families.
 *
 * | port | answers |
 * |---|---|
 * | 80/tcp `GET /BYTES` | that many pattern bytes |
 * | 80/tcp `POST` | the number of bytes that came and their MD5 |
 * | 80/tcp `GET /slow/SECONDS` | a line every tenth of a second, then `complete` |
 * | 80/tcp `GET /who` | the client's address as it is seen here |
 * | 5353/udp | 203.0.113.77 for every name (DNS) |
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as dnsPacket from 'dns-packet';
import { patternBytes } from './pattern.js';

const TICK_MS = 100;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '/';
  if (request.method === 'POST') digest(request, response);
  else if (path === '/who') response.end(`${request.socket.remoteAddress?.replace('::ffff:', '')}\n`);
  else if (path.startsWith('/slow/')) trickle(Number(path.slice('/slow/'.length)), request, response);
  else void send(Number(path.slice(1)), response);
}

function digest(request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('md5');
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  request.on('end', () => response.end(`${bytes} ${hash.digest('hex')}\n`));
}

function trickle(seconds: number, request: IncomingMessage, response: ServerResponse): void {
  let left = (seconds * 1000) / TICK_MS;
  const timer = setInterval(() => {
    response.write(`tick ${left}\n`);
    if (--left > 0) return;
    clearInterval(timer);
    response.end('complete\n');
  }, TICK_MS);
  request.on('close', () => clearInterval(timer));
}

async function send(bytes: number, response: ServerResponse): Promise<void> {
  response.setHeader('Content-Length', bytes);
  const gone = once(response, 'close');
  for (const chunk of patternBytes(bytes)) {
    if (!response.write(chunk)) await Promise.race([once(response, 'drain'), gone]);
    if (response.destroyed) return;
  }
  response.end();
}

const web = createServer(answer).listen(80, '::');
const names = createSocket('udp6');
names.on('message', (message, peer) => {
  const { id, questions = [] } = dnsPacket.decode(message);
  const answers = questions
    .filter((question) => question.type === 'A')
    .map(({ name }) => ({ type: 'A' as const, name, ttl: 1, data: '203.0.113.77' }));
  const reply = dnsPacket.encode({ type: 'response', ...(id !== undefined && { id }), questions, answers });
  names.send(reply, peer.port, peer.address);
});
names.bind(5353, '::');
await Promise.all([once(web, 'listening'), once(names, 'listening')]);
console.log('ready');
