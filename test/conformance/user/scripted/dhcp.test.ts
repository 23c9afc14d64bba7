/** DHCPv4 of a real fabric process, message by message. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatIpv4, parseIpv4 } from '../../../../src/wire/address.js';
import {
  BOOT_REQUEST,
  decodeDhcp,
  type DhcpMessage,
  DhcpMessageType as Type,
  encodeDhcp,
} from '../../../../src/wire/dhcp.js';
import {
  decodeClasslessRoutes,
  decodeUint32,
  DhcpOption as Option,
  encodeAddresses,
  encodeClientFqdn,
} from '../../../../src/wire/dhcp-options.js';
import { EtherType, parseMac, writeMac } from '../../../../src/wire/ethernet.js';
import { udpPacket } from '../../../../src/fabric/gateway/packets.js';
import { ends4 } from '../../../fabric/gateway-stage.js';
import { FabricProcess } from '../../../fabric/fabric-process.js';
import { frameTo } from '../../../fabric/scripted-guest.js';
import { GATEWAY, GUEST, NatLab } from './nat-lab.js';

const STRANGER = '52:54:00:00:00:99';
const BROADCAST = 0xffff_ffff_ffff;

let lab: NatLab;
beforeAll(async () => {
  lab = await NatLab.open({ mtuBytes: 9000 }, { antiSpoofing: false });
});
afterAll(() => lab[Symbol.asyncDispose]());

let xid = 1;

/** Asks as a client with this MAC. */
function ask(
  type: number,
  options: readonly (readonly [number, Buffer])[] = [],
  client = STRANGER,
  ciaddr = 0,
): number {
  const hardwareAddress = Buffer.alloc(6);
  writeMac(hardwareAddress, 0, parseMac(client)!);
  xid += 1;
  const payload = encodeDhcp({
    op: BOOT_REQUEST,
    hardwareType: 1,
    hardwareAddress,
    hops: 0,
    xid,
    secs: 0,
    flags: 0x8000,
    ciaddr,
    yiaddr: 0,
    siaddr: 0,
    giaddr: 0,
    options: new Map([[Option.messageType, Buffer.from([type])], ...options]),
  });
  const source = ciaddr === 0 ? '0.0.0.0' : formatIpv4(ciaddr);
  const packet = udpPacket(ends4('255.255.255.255', source), 68, 67, payload);
  lab.guest.sendFrame(frameTo(BROADCAST, parseMac(client)!, EtherType.ipv4, packet));
  return xid;
}

async function answerTo(id: number): Promise<DhcpMessage & { type: number | undefined }> {
  const message = await lab.guest.next((frame) => {
    if (frame.readUInt16BE(12) !== 0x0800 || frame[23] !== 17 || frame.readUInt16BE(36) !== 68)
      return undefined;
    const found = decodeDhcp(frame.subarray(42));
    return found?.xid === id ? found : undefined;
  }, 'DHCP answer');
  return { ...message, type: message.options.get(Option.messageType)?.[0] };
}

const requested = (address: number): readonly [number, Buffer] => [
  Option.requestedAddress,
  encodeAddresses(address),
];
const serverId = [Option.serverIdentifier, encodeAddresses(parseIpv4(GATEWAY)!)] as const;

/** A whole DORA. @returns the address. */
async function lease(client = STRANGER): Promise<number> {
  const { yiaddr } = await answerTo(ask(Type.discover, [], client));
  expect((await answerTo(ask(Type.request, [requested(yiaddr), serverId], client))).type).toBe(Type.ack);
  return yiaddr;
}

describe('DHCPv4', () => {
  it('gives a machine the address of the file (RFC 2131 section 4.3.1)', async () => {
    expect(formatIpv4(await lease('52:54:00:aa:bb:01'))).toBe(GUEST);
  });

  it('tells routes, names, MTU, time and name servers (RFC 2132, RFC 3397, RFC 3442, RFC 4702)', async () => {
    const fqdn = encodeClientFqdn({
      serverUpdates: false,
      serverOverrides: false,
      wireEncoded: false,
      noUpdate: false,
      name: 'web1',
    });
    const list = Buffer.from([1, 3, 6, 12, 15, 26, 51, 54, 81, 119, 121]);
    const id = ask(
      Type.discover,
      [
        [Option.parameterRequestList, list],
        [Option.clientFqdn, fqdn],
      ],
      '52:54:00:aa:bb:01',
    );
    const { options } = await answerTo(id);
    expect([...list].filter((code) => !options.has(code))).toEqual([]);
    expect(options.get(26)?.readUInt16BE(0)).toBe(9000);
    expect(decodeUint32(options.get(51))).toBe(3600);
    expect(decodeClasslessRoutes(options.get(121)!)).toContainEqual(
      expect.objectContaining({ prefixLength: 0 }),
    );
  });

  it('keeps a client its address (RFC 2131 section 4.3.1)', async () => {
    const first = await lease();
    expect(await lease()).toBe(first);
  });

  it('refuses an address of another network (RFC 2131 section 4.3.2, INIT-REBOOT)', async () => {
    const id = ask(Type.request, [requested(parseIpv4('192.168.1.5')!)]);
    expect((await answerTo(id)).type).toBe(Type.nak);
  });

  it('tells settings to who has an address already (RFC 2131 section 4.3.5, INFORM)', async () => {
    const { type, yiaddr, options } = await answerTo(
      ask(Type.inform, [], '52:54:00:aa:bb:01', parseIpv4(GUEST)),
    );
    expect([type, yiaddr]).toEqual([Type.ack, 0]);
    expect(options.has(51)).toBe(false);
  });

  it('gives another address than the one that was declined (RFC 2131 section 4.3.3)', async () => {
    const declined = await lease();
    ask(Type.decline, [requested(declined), serverId]);
    expect(await lease()).not.toBe(declined);
  });

  it('takes back what is released (RFC 2131 section 4.3.4)', async () => {
    const released = await lease();
    ask(Type.release, [serverId], STRANGER, released);
    await expect
      .poll(async () => (await lab.fabric.leases()).some(({ mac }) => mac === STRANGER))
      .toBe(false);
  });

  it('knows its leases after a kill (RFC 2131 section 2.1)', async () => {
    const address = await lease();
    const before = await lab.fabric.leases();
    // Changes of a quarter of a second become one write.
    const path = join(lab.directory, 'state', 'leases.json');
    await expect.poll(() => readFile(path, 'utf8').catch(() => '')).toContain(`"${formatIpv4(address)}"`);
    await lab.fabric.kill('SIGKILL');
    lab.fabric = await FabricProcess.start({ directory: lab.directory });
    await lab.configure();
    expect(await lab.fabric.leases()).toEqual(before);
    expect((await answerTo(ask(Type.request, [requested(address)]))).yiaddr).toBe(address);
  });
});
