import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';

/** What the figures come from, one Markdown table. */
export function describeMachine(): string {
  const processors = cpus();
  const rows = [
    ['processor', `${processors.length} × ${processors[0]?.model ?? 'unknown'}`],
    ['memory', `${Math.round(totalmem() / 1024 ** 3)} GiB`],
    ['kernel', release()],
    ['system', firstMatch(['sh', '-c', '. /etc/os-release && echo "$PRETTY_NAME"'], /.+/)],
    ['Node.js', process.versions.node],
    ['QEMU', firstMatch(['qemu-system-x86_64', '--version'], /version (.+)/)],
    ['vde_switch', firstMatch(['vde_switch', '--version'], /VDE (\S+)/)],
    ['Open vSwitch', firstMatch(['ovs-vswitchd', '--version'], /\) (\S+)/)],
    ['slirp4netns', firstMatch(['slirp4netns', '--version'], /version (\S+)/)],
    ['libslirp', firstMatch(['slirp4netns', '--version'], /libslirp: (\S+)/)],
    ['passt', firstMatch(['dpkg-query', '-W', '-f', '${Version}', 'passt'], /.+/)],
    ['libvirt', firstMatch(['libvirtd', '--version'], /libvirt\) (\S+)/)],
    ['nftables', firstMatch(['nft', '--version'], /v(\S+)/)],
    ['iptables', firstMatch(['iptables', '--version'], /v(.+)/)],
    ['iperf3', firstMatch(['iperf3', '--version'], /iperf (\S+)/)],
  ];
  return rows.map(([what, is]) => `| ${what} | ${is} |`).join('\n');
}

function firstMatch([program = '', ...argv]: readonly string[], pattern: RegExp): string {
  try {
    const output = execFileSync(program, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    const match = pattern.exec(output);
    return match?.[1] ?? match?.[0] ?? 'unknown';
  } catch {
    return 'not installed';
  }
}
