import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { parseSocketTable, readListeningSockets } from './listening-sockets.js';

it('reads addresses and ports in host byte order', () => {
  const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:0016 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 2`;
  expect(parseSocketTable(tcp, 'tcp')).toEqual([{ protocol: 'tcp', address: '127.0.0.1', port: 8080 }]);
  const tcp6 = '   0: B80D0120000000000000000001000000:0050 0:0 0A';
  expect(parseSocketTable(tcp6, 'tcp')).toEqual([{ protocol: 'tcp', address: '2001:db8::1', port: 80 }]);
  expect(parseSocketTable('0: 00000000000000000000000000000000:0035 0:0 07', 'udp')[0]?.address).toBe('::');
});

it('sees a socket of this very host', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  expect(await readListeningSockets()).toContainEqual({ protocol: 'tcp', address: '127.0.0.1', port });
  await new Promise((resolve) => server.close(resolve));
});
