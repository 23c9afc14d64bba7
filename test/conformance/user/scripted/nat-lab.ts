/**
 * A real fabric process with one scripted machine on a `nat` network, 10.0.0.11 behind 10.0.0.1 and the same in
 * fd00:0:0:1::/64. The gateway's addresses lead to the host's loopback, where the tests have their servers, so that
 * nothing leaves the host.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FabricNetwork, FabricPort } from '../../../../src/fabric/control/protocol.js';
import { type IpPath, pathBetween } from '../../../../src/fabric/nat/ip-path.js';
import { IpProtocol } from '../../../../src/wire/ipv4.js';
import { TcpFlag, type TcpOptions } from '../../../../src/wire/tcp.js';
import { FabricProcess } from '../../../fabric/fabric-process.js';
import { GATEWAY_MAC, GUEST_MAC, mac, network, port } from '../../../fabric/gateway-stage.js';
import { type Answer, readSegment, segmentPacket } from '../../../fabric/nat/segment-probe.js';
import { ScriptedGuest } from '../../../fabric/scripted-guest.js';

export const GUEST = '10.0.0.11';
export const GATEWAY = '10.0.0.1';
export const GUEST_6 = 'fd00:0:0:1:5054:ff:feaa:bb01';
export const GATEWAY_6 = 'fd00:0:0:1::1';

export class NatLab implements AsyncDisposable {
  readonly #closing: (() => unknown)[] = [];
  #nextPort = 40_000;

  private constructor(
    readonly directory: string,
    public fabric: FabricProcess,
    readonly guest: ScriptedGuest,
    readonly network: FabricNetwork,
    readonly port: FabricPort,
  ) {}

  static async open(more: Partial<FabricNetwork> = {}, morePort: Partial<FabricPort> = {}): Promise<NatLab> {
    const directory = await mkdtemp(join(tmpdir(), 'psl-nat-'));
    const socketPath = join(directory, 'm.sock');
    const settings = { mac: mac(GUEST_MAC), gatewayMac: mac(GATEWAY_MAC), ipv4: GUEST, ipv6: GUEST_6 };
    const guest = await ScriptedGuest.listen({ socketPath, ...settings });
    const fabric = await FabricProcess.start({ directory });
    const web = network({ hostLoopback: true, ...more });
    const lab = new NatLab(directory, fabric, guest, web, port({ socketPath, ...morePort }));
    await lab.configure();
    return lab;
  }

  /** Tells the fabric everything, as `up` does. */
  async configure(): Promise<void> {
    await this.fabric.apply({ put: 'network', value: this.network }, { put: 'port', value: this.port });
    await this.fabric.connected();
  }

  /** A server on the host's loopback. @returns it, and its connections as they come. */
  async serve(
    onConnection: (socket: Socket) => void = () => undefined,
  ): Promise<{ server: Server; port: number; connections: Socket[] }> {
    const connections: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      connections.push(socket);
      onConnection(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#closing.push(() => {
      for (const socket of connections) socket.destroy();
      server.close();
    });
    return { server, port: (server.address() as AddressInfo).port, connections };
  }

  /** A connection of the machine to a port of the host, not begun. */
  dial(remotePort: number, guestPort = this.#nextPort++): GuestFlow {
    return new GuestFlow(this.guest, pathBetween(GUEST, GATEWAY)!, guestPort, remotePort);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing) close();
    await this.fabric.kill('SIGTERM');
    await this.guest.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** One TCP flow as its machine writes it, segment by segment. */
export class GuestFlow {
  /** SND.NXT and RCV.NXT. */
  sequence = 1000;
  acknowledgement = 0;

  constructor(
    readonly guest: ScriptedGuest,
    readonly path: IpPath,
    readonly guestPort: number,
    readonly remotePort: number,
  ) {}

  send(
    flags: number,
    more: { payload?: Buffer; window?: number; options?: TcpOptions; at?: number } = {},
  ): void {
    const { at, ...rest } = more;
    const segment = { sequence: at ?? this.sequence, acknowledgement: this.acknowledgement, flags, ...rest };
    this.guest.send(segmentPacket(this.path, this.guestPort, this.remotePort, segment));
    if (at === undefined) this.sequence += more.payload?.length ?? 0;
  }

  /** The next segment of this flow for which `holds`; the ones before it stay. */
  next(what: string, holds: (answer: Answer) => boolean = () => true): Promise<Answer> {
    return this.guest.next((frame) => {
      const answer = this.#read(frame);
      return answer !== undefined && holds(answer) ? answer : undefined;
    }, what);
  }

  nextWith(flags: number): Promise<Answer> {
    return this.next(`segment with flags ${flags}`, (answer) => (answer.flags & flags) === flags);
  }

  /** Handshake. @returns the SYN-ACK. */
  async open(options: TcpOptions = { mssBytes: 1460 }, window = 65_535): Promise<Answer> {
    this.send(TcpFlag.syn, { options, window });
    const answer = await this.nextWith(TcpFlag.syn | TcpFlag.ack);
    this.sequence += 1;
    this.acknowledgement = (answer.sequence + 1) >>> 0;
    this.send(TcpFlag.ack, { window });
    return answer;
  }

  #read(frame: Buffer): Answer | undefined {
    if (frame.readUInt16BE(12) !== 0x0800 || frame[23] !== IpProtocol.tcp) return undefined;
    const answer = readSegment(frame.subarray(14, 14 + frame.readUInt16BE(16)), this.path);
    const isMine = answer.sourcePort === this.remotePort && answer.destinationPort === this.guestPort;
    return isMine ? answer : undefined;
  }
}

/** What a socket has received and nobody has read. */
export function textFrom(socket: Socket | undefined): string {
  const bytes = socket?.read() as Buffer | null | undefined;
  return bytes?.toString() ?? '';
}
