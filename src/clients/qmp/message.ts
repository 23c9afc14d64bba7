/**
 * What QEMU says on a QMP monitor (docs/interop/qmp-spec in QEMU's sources): a greeting, then, one JSON object a line,
 * replies to commands and events. Pure.
 */
export type QmpValue = string | number | boolean | null | readonly QmpValue[] | QmpObject;
export interface QmpObject {
  readonly [key: string]: QmpValue | undefined;
}

export interface QemuVersion {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
}

export interface QmpEvent {
  readonly kind: 'event';
  /** Upper case, for example `DEVICE_DELETED`. */
  readonly name: string;
  readonly data: QmpObject;
}

export type QmpMessage =
  | { readonly kind: 'greeting'; readonly version: QemuVersion }
  | { readonly kind: 'reply'; readonly id: number; readonly value: QmpValue }
  | {
      readonly kind: 'refusal';
      /** Absent when QEMU could not read the command at all. */
      readonly id?: number;
      readonly errorClass: string;
      readonly description: string;
    }
  | QmpEvent;

/** The other side does not speak QMP, or stopped doing so. */
export class QmpConnectionError extends Error {
  override readonly name = 'QmpConnectionError';
}

/** QEMU understood a command and refused it. */
export class QmpCommandError extends Error {
  override readonly name = 'QmpCommandError';
  constructor(
    readonly command: string,
    /** `GenericError`, `CommandNotFound`, `DeviceNotFound`, … */
    readonly errorClass: string,
    readonly description: string,
  ) {
    super(`${command}: ${description}`);
  }
}

/** @throws QmpConnectionError when the line is no QMP message. */
export function parseMessage(line: string): QmpMessage {
  const message = readObject(line);
  if (isObject(message['QMP'])) return { kind: 'greeting', version: readVersion(message['QMP']) };
  if (typeof message['event'] === 'string') {
    return { kind: 'event', name: message['event'], data: isObject(message['data']) ? message['data'] : {} };
  }
  const id = message['id'];
  if (isObject(message['error'])) {
    const { class: errorClass, desc } = message['error'];
    return {
      kind: 'refusal',
      ...(typeof id === 'number' ? { id } : {}),
      errorClass: typeof errorClass === 'string' ? errorClass : 'GenericError',
      description: typeof desc === 'string' ? desc : 'no description',
    };
  }
  const value = message['return'];
  if (value !== undefined && typeof id === 'number') return { kind: 'reply', id, value };
  throw new QmpConnectionError(`not a QMP message: ${line.slice(0, 80)}`);
}

export function isObject(value: QmpValue | undefined): value is QmpObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readObject(line: string): QmpObject {
  let value: QmpValue;
  try {
    value = JSON.parse(line) as QmpValue;
  } catch {
    throw new QmpConnectionError(`not JSON: ${line.slice(0, 80)}`);
  }
  if (!isObject(value)) throw new QmpConnectionError(`not a JSON object: ${line.slice(0, 80)}`);
  return value;
}

function readVersion(greeting: QmpObject): QemuVersion {
  const version = isObject(greeting['version']) ? greeting['version'] : {};
  const qemu = isObject(version['qemu']) ? version['qemu'] : {};
  const part = (name: string): number => {
    const value = qemu[name];
    return typeof value === 'number' ? value : 0;
  };
  return { major: part('major'), minor: part('minor'), micro: part('micro') };
}
