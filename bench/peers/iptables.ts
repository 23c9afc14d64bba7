/** A translated network made by hand: a bridge, and the rules of iptables that every guide has. */
import { runProcess } from '../stage/processes.js';
import {
  FIRST_FORWARD_PORT,
  MACHINE_ADDRESS,
  MACHINE_PORT,
  type OpenKernelNat,
  runIp,
} from '../stage/kernel-nat.js';

const GATEWAY = '10.10.10.1';

/** One rule a forward, `-A PREROUTING -p ${protocol} -m ${protocol} --dport PORT -j DNAT`; all of them in one iptables-restore. */
export const openIptables: OpenKernelNat = async (
  scope,
  _directory,
  { machine },
  forwards,
  protocol = 'tcp',
) => {
  await runIp(
    scope,
    'link add br0 type bridge stp_state 0 forward_delay 0',
    `address add ${GATEWAY}/24 dev br0`,
    'link set br0 up',
    `link add tap0 type veth peer eth0 netns ${machine.name}`,
    'link set tap0 master br0 up',
  );
  scope.defer(() => runIp(scope, 'link delete tap0', 'link delete br0'));
  await machine.ip(
    scope,
    `address add ${MACHINE_ADDRESS}/24 dev eth0`,
    'link set eth0 up',
    `route add default via ${GATEWAY}`,
  );
  const rules = Array.from(
    { length: forwards },
    (_, index) =>
      `-A PREROUTING -p ${protocol} -m ${protocol} --dport ${FIRST_FORWARD_PORT + index} -j DNAT --to-destination ${MACHINE_ADDRESS}:${MACHINE_PORT}`,
  );
  const nat = ['*nat', ...rules, '-A POSTROUTING -s 10.10.10.0/24 ! -o br0 -j MASQUERADE', 'COMMIT'];
  await runProcess(scope, ['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  await runProcess(scope, ['iptables-restore'], { input: `${nat.join('\n')}\n`, timeoutMs: 60_000 });
  scope.defer(async () => {
    await runProcess(scope, ['iptables-restore'], { input: '*nat\nCOMMIT\n' });
    await runProcess(scope, ['sysctl', '-qw', 'net.ipv4.ip_forward=0']);
  });
};
