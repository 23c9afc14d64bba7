/** What this host offers the Linux engine and what it lacks, found out by trying, in a namespace that is thrown away. */
import { stat } from 'node:fs/promises';
import type { Run } from '../../clients/command/run.js';
import type { Finding } from '../contract.js';
import type { KernelGateway } from '../kernel-gateway/kernel-gateway.js';

interface Program {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly package: string;
  /** What alone wants it; absent: every network does. */
  readonly wantedBy?: string;
}

const PROGRAMS: readonly Program[] = [
  { program: 'ip', arguments: ['-V'], package: 'iproute2' },
  { program: 'nft', arguments: ['--version'], package: 'nftables' },
  { program: 'dnsmasq', arguments: ['--version'], package: 'dnsmasq-base' },
  { program: 'sysctl', arguments: ['--version'], package: 'procps' },
  {
    program: 'conntrack',
    arguments: ['--version'],
    package: 'conntrack',
    wantedBy: 'public addresses',
  },
];

export async function doctor(run: Run, gateway: KernelGateway, signal: AbortSignal): Promise<Finding[]> {
  const programs = await Promise.all(
    PROGRAMS.map(async ({ program, arguments: words, package: name, wantedBy }): Promise<Finding> => {
      const result = await run([program, ...words], { signal }).catch(() => undefined);
      return result === undefined
        ? {
            subject: program,
            state: wantedBy === undefined ? 'missing' : 'warning',
            detail: `not installed${wantedBy === undefined ? '' : `, and ${wantedBy} want it`}`,
            fix: `apt-get install ${name}`,
          }
        : { subject: program, state: 'ok', detail: result.stdout.split('\n')[0]?.trim() ?? '' };
    }),
  );
  if (process.getuid?.() !== 0) {
    return [
      ...programs,
      {
        subject: 'root',
        state: 'missing',
        detail: 'the linux engine changes the kernel',
        fix: 'sudo passerelle …',
      },
    ];
  }
  const obstacles = await gateway.obstacles(signal).catch(() => []);
  return [
    ...programs,
    ...(await kernelFindings(run, signal)),
    await tunFinding(),
    ...obstacles.map(
      (chain): Finding => ({
        subject: 'other firewalls',
        state: 'warning',
        detail: `the chain ${chain} drops what none of its rules names; \`up\` puts tagged accepts for our networks at its head`,
      }),
    ),
  ];
}

/** A tap decides by itself who may open it; the device that all of them are opened by must not be in the way. */
async function tunFinding(): Promise<Finding> {
  const subject = '/dev/net/tun';
  const mode = await stat(subject).then(
    (found) => found.mode,
    () => undefined,
  );
  if (mode === undefined) {
    return { subject, state: 'missing', detail: 'there are no taps without it', fix: 'modprobe tun' };
  }
  return (mode & OTHERS_READ_AND_WRITE) === OTHERS_READ_AND_WRITE
    ? { subject, state: 'ok', detail: 'QEMU opens its tap as the user the tap belongs to' }
    : {
        subject,
        state: 'warning',
        detail: 'only root can open it, so QEMU needs root',
        fix: `chmod 666 ${subject}`,
      };
}

const OTHERS_READ_AND_WRITE = 0o006;

/** Feature -> shell-less probe inside a fresh namespace: links by ip, rules by nft. */
const PROBES: readonly {
  subject: string;
  need: Finding['state'];
  link?: readonly string[];
  rule?: string;
  why: string;
}[] = [
  { subject: 'bridge', need: 'missing', link: ['type', 'bridge'], why: 'no network can be made' },
  {
    subject: 'veth',
    need: 'warning',
    link: ['type', 'veth'],
    why: '`attach: netns` and DHCP on isolated networks need it',
  },
  {
    subject: 'vxlan',
    need: 'warning',
    link: ['type', 'vxlan', 'id', '1', 'dstport', '4789'],
    why: 'networks of many hosts need it',
  },
  {
    subject: 'nftables NAT',
    need: 'missing',
    rule: 'add table inet probe ; add chain inet probe c { type nat hook postrouting priority 100 ; } ; add rule inet probe c masquerade',
    why: 'nat networks and forwards need it',
  },
  {
    subject: 'nftables bridge family',
    need: 'missing',
    rule: 'add table bridge probe ; add chain bridge probe c { type filter hook prerouting priority -300 ; }',
    why: 'anti-spoofing needs it',
  },
  {
    subject: 'nftables egress hook',
    need: 'missing',
    rule: 'add table netdev probe ; add chain netdev probe c { type filter hook egress device "lo" priority 0 ; }',
    why: 'isolated networks need it (Linux 5.16 and later)',
  },
];

async function kernelFindings(run: Run, signal: AbortSignal): Promise<Finding[]> {
  return Promise.all(
    PROBES.map(async ({ subject, need, link, rule, why }): Promise<Finding> => {
      const words = link ? ['ip', 'link', 'add', 'name', 'probe0', ...link] : ['nft', rule ?? ''];
      const { exitCode, stderr } = await run(['unshare', '--net', ...words], { signal });
      return exitCode === 0
        ? { subject, state: 'ok', detail: 'works' }
        : { subject, state: need, detail: `${why}; the kernel said: ${stderr.trim().split('\n')[0] ?? ''}` };
    }),
  );
}
