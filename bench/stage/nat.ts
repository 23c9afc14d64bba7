/** Our own NAT as an outlet for a namespace. */
import type { OpenOutlet } from '../peers/nat.js';
import {
  addressOf,
  GATEWAY_ADDRESS,
  macOf,
  PREFIX_LENGTH,
  putNetwork,
  putPort,
  putTap,
  startFabric,
} from './fabric.js';
import { configureTap, plugTap } from './namespaces.js';

/** The same with the fabric's own tap in the namespace, which leaves checksums and segmentation to it. */
export const openFabricTapNat: OpenOutlet = async (scope, directory, namespace, mtuBytes) => {
  const fabric = await startFabric(scope, directory);
  await fabric.apply(putNetwork({ mode: 'nat', mtuBytes }), putTap(1, namespace.name));
  await configureTap(scope, namespace, {
    mtuBytes,
    address: `${addressOf(1)}/${PREFIX_LENGTH}`,
    gateway: GATEWAY_ADDRESS,
  });
  return { hostAddress: GATEWAY_ADDRESS };
};

export const openFabricNat: OpenOutlet = async (scope, directory, namespace, mtuBytes) => {
  const fabric = await startFabric(scope, directory);
  const socketPath = fabric.socketPath(1);
  await plugTap(scope, namespace, { socketPath, dials: false });
  await configureTap(scope, namespace, {
    mac: macOf(1),
    mtuBytes,
    address: `${addressOf(1)}/${PREFIX_LENGTH}`,
    gateway: GATEWAY_ADDRESS,
  });
  await fabric.apply(putNetwork({ mode: 'nat', mtuBytes }), putPort(1, socketPath));
  await fabric.connected();
  return { hostAddress: GATEWAY_ADDRESS };
};
