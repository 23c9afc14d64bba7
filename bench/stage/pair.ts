/** Two guests, which are namespaces with a tap, on one segment. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startHub } from '../peers/qemu.js';
import { addressOf, macOf, PREFIX_LENGTH, putNetwork, putPort, startFabric } from './fabric.js';
import { plugIdleGuests } from './idle-guests.js';
import { addNamespace, configureTap, type Namespace, plugTap } from './namespaces.js';
import { nativeProgram } from './native.js';
import { type Running, startProcess } from './processes.js';
import type { Scope } from './scope.js';

/** Joins tap0 of each namespace, machine 1 and machine 2, in a segment. @returns a process that may not live through it. */
export type Join = (
  scope: Scope,
  directory: string,
  namespaces: readonly Namespace[],
  mtuBytes: number,
) => Promise<Running | void>;

export interface Pair {
  readonly guests: readonly [Namespace, Namespace];
  readonly joint: Running | void;
}

/** Machine 1 and machine 2, with their addresses. `directory` does not exist yet. */
export async function addPair(
  scope: Scope,
  directory: string,
  joined: Join,
  mtuBytes: number,
): Promise<Pair> {
  await mkdir(directory);
  const guests = [await addNamespace(scope, 'a'), await addNamespace(scope, 'b')] as const;
  const joint = await joined(scope, directory, guests, mtuBytes);
  for (const [index, namespace] of guests.entries()) {
    const address = `${addressOf(index + 1)}/${PREFIX_LENGTH}`;
    await configureTap(scope, namespace, { mac: macOf(index + 1), mtuBytes, address });
  }
  return { guests, joint };
}

/** Our fabric, with so many guests in all: those beyond the namespaces are idle. */
export function joinByFabric(guestCount = 2): Join {
  return async (scope, directory, namespaces, mtuBytes) => {
    const fabric = await startFabric(scope, directory);
    for (const [index, namespace] of namespaces.entries())
      await plugTap(scope, namespace, { socketPath: fabric.socketPath(index + 1), dials: false });
    await fabric.apply(
      putNetwork({ mode: 'isolated', mtuBytes }),
      ...namespaces.map((_, index) => putPort(index + 1, fabric.socketPath(index + 1))),
    );
    await plugIdleGuests(scope, fabric, namespaces.length + 1, guestCount);
  };
}

/** QEMU's own hub. */
export const joinByHub: Join = async (scope, directory, namespaces) =>
  startHub(scope, await plugTaps(scope, directory, namespaces));

/** What a C program makes of the same sockets (native/relay.c). */
export const joinByRelay: Join = async (scope, directory, namespaces) => {
  const relay = await nativeProgram(scope, 'relay');
  return startProcess(scope, [relay, ...(await plugTaps(scope, directory, namespaces))]);
};

/** @returns the sockets on which the taps wait for a switch. */
async function plugTaps(
  scope: Scope,
  directory: string,
  namespaces: readonly Namespace[],
): Promise<string[]> {
  const sockets = namespaces.map((_, index) => join(directory, `t${index}.sock`));
  for (const [index, namespace] of namespaces.entries())
    await plugTap(scope, namespace, { socketPath: sockets[index]!, dials: false });
  return sockets;
}
