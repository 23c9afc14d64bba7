import { timeLimited } from '../abort-signals.js';
import { isDeepStrictEqual } from 'node:util';
import type { QmpClient } from '../clients/qmp/client.js';
import { QmpCommandError } from '../clients/qmp/message.js';
import { PasserelleError } from '../errors.js';
import { takesHotPlug } from './command-line.js';
import type { MachineDescription, NicArguments } from './description.js';
import { type NicPlug, plugOf } from './nic-plug.js';

/**
 * NICs that come and go while a machine runs.
 *
 * Theory of operation. Adding is two commands, `netdev_add` and `device_add`; the guest finds the new card through ACPI.
 * Removing asks the guest to let go (`device_del`), waits for its word (the event DEVICE_DELETED), and only then takes
 * the netdev away. A guest whose system is not up, or does not know hot-plug, never gives that word: after the limit
 * the removal fails, and the card may still leave later.
 */

/** How long a guest may take to let go of a card, ms. */
export const UNPLUG_LIMIT_MS = 10_000;
const COMMAND_LIMIT_MS = 5000;

export interface NicChanges {
  readonly removed: readonly NicArguments[];
  readonly added: readonly NicArguments[];
}

/** What leads from one list of NICs to the other; a NIC whose arguments change is removed and added. Pure. */
export function nicChanges(before: readonly NicArguments[], after: readonly NicArguments[]): NicChanges {
  const without = (list: readonly NicArguments[], other: readonly NicArguments[]): NicArguments[] =>
    list.filter((nic) => !other.some((candidate) => isDeepStrictEqual(candidate, nic)));
  return { removed: without(before, after), added: without(after, before) };
}

/** Whether the machine can be led from one description to the other without a restart. Pure. */
export function canPlug(before: MachineDescription, after: MachineDescription): boolean {
  if (!isDeepStrictEqual({ ...before, nics: [] }, { ...after, nics: [] })) return false;
  const { removed, added } = nicChanges(before.nics, after.nics);
  return (
    takesHotPlug(after.command) &&
    [...removed, ...added].every(
      // A file is handed over at the start only.
      (nic) => plugOf(nic.arguments) !== undefined && nic.descriptors === undefined,
    )
  );
}

/** @throws PasserelleError `machine/plug-refused`; the machine is then as it was. */
export async function plugNic(client: QmpClient, nic: NicArguments, signal: AbortSignal): Promise<void> {
  const plug = requirePlug(nic);
  const limit = timeLimited(signal, COMMAND_LIMIT_MS);
  try {
    await client.execute('netdev_add', plug.netdev, limit);
    try {
      await client.execute('device_add', plug.device, limit);
    } catch (error) {
      await client.execute('netdev_del', { id: plug.netdevId }, signal);
      throw error;
    }
  } catch (error) {
    if (!(error instanceof QmpCommandError)) throw error;
    throw new PasserelleError(
      {
        code: 'machine/plug-refused',
        message: `QEMU does not take NIC ${nic.id} while the machine runs: ${error.description}`,
        fix: 'stop the machine (passerelle down) and start it again (passerelle up): it then starts with the NIC',
      },
      1,
      { cause: error },
    );
  }
}

/** @throws PasserelleError `machine/unplug-refused` when the guest does not let go in time. */
export async function unplugNic(
  client: QmpClient,
  nic: NicArguments,
  signal: AbortSignal,
  limitMs = UNPLUG_LIMIT_MS,
): Promise<void> {
  const plug = requirePlug(nic);
  const limit = timeLimited(signal, limitMs);
  const verdict = client.waitForEvent(
    (event) =>
      event.data['device'] === plug.deviceId &&
      (event.name === 'DEVICE_DELETED' || event.name === 'DEVICE_UNPLUG_GUEST_ERROR'),
    limit,
  );
  // Judged below; a failure of device_del itself is told first.
  verdict.catch(() => undefined);
  try {
    await client.execute('device_del', { id: plug.deviceId }, limit);
    const event = await verdict;
    if (event.name !== 'DEVICE_DELETED') throw unplugRefused(nic, 'the guest refuses');
  } catch (error) {
    if (error instanceof QmpCommandError) {
      // Gone already, by an earlier try that was not waited for.
      if (error.errorClass !== 'DeviceNotFound') throw unplugRefused(nic, error.description, error);
    } else {
      signal.throwIfAborted();
      throw limit.aborted
        ? unplugRefused(nic, `the guest did not let go within ${limitMs / 1000} s`, error)
        : error;
    }
  }
  await client
    .execute('netdev_del', { id: plug.netdevId }, timeLimited(signal, COMMAND_LIMIT_MS))
    .catch((error: unknown) => {
      if (!(error instanceof QmpCommandError)) throw error;
    });
}

function requirePlug(nic: NicArguments): NicPlug {
  const plug = plugOf(nic.arguments);
  if (plug === undefined) throw new Error(`NIC ${nic.id} cannot be plugged: ${nic.arguments.join(' ')}`);
  return plug;
}

function unplugRefused(nic: NicArguments, why: string, cause?: unknown): PasserelleError {
  return new PasserelleError(
    {
      code: 'machine/unplug-refused',
      message: `NIC ${nic.id} cannot be taken out of its running machine: ${why}`,
      fix: 'wait until the guest has started and try again, or stop the machine and start it again',
    },
    1,
    { cause },
  );
}
