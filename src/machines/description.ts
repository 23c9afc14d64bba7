import type { Descriptor, QemuArguments } from '../engines/contract.js';
import type { Json, Resource } from '../plan/resource.js';

export const PROVIDER = 'machines';
export const KIND = 'machine';

/** What makes a machine what it is. The same in the plan, and in the file beside its socket. */
export interface MachineDescription {
  readonly name: string;
  /** Program and arguments, as the file says it. */
  readonly command: readonly string[];
  readonly nics: readonly NicArguments[];
  /** Directory the command runs in: that of the project's file, so that relative names mean what the person sees. */
  readonly directory: string;
}

export interface NicArguments {
  /** `web1/0`. */
  readonly id: string;
  readonly arguments: QemuArguments;
  /** Files that the machine is started with. */
  readonly descriptors?: readonly Descriptor[];
}

export function resourceId(name: string): string {
  return `${PROVIDER}/${KIND}/${name}`;
}

export function propertiesOf(description: MachineDescription): Record<string, Json> {
  return {
    command: description.command,
    nics: description.nics.map(({ id, arguments: args, descriptors }) => ({
      id,
      arguments: args,
      ...(descriptors && { descriptors: descriptors.map(({ fd, path }) => ({ fd, path })) }),
    })),
    directory: description.directory,
  };
}

/** Reads properties back. What is not there, or is damaged, comes out empty and so differs from what is wanted. */
export function descriptionOf(resource: Pick<Resource, 'id' | 'properties'>): MachineDescription {
  const { command, nics, directory } = resource.properties;
  return {
    name: resource.id.slice(`${PROVIDER}/${KIND}/`.length),
    command: strings(command),
    nics: (Array.isArray(nics) ? (nics as readonly Json[]) : []).flatMap(nicOf),
    directory: typeof directory === 'string' ? directory : '',
  };
}

function nicOf(value: Json): NicArguments[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const { id, arguments: args, descriptors } = value as Readonly<Record<string, Json>>;
  if (typeof id !== 'string') return [];
  const files = (Array.isArray(descriptors) ? (descriptors as readonly Json[]) : []).flatMap(descriptorOf);
  return [{ id, arguments: strings(args), ...(files.length > 0 && { descriptors: files }) }];
}

function descriptorOf(value: Json): Descriptor[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const { fd, path } = value as Readonly<Record<string, Json>>;
  return typeof fd === 'number' && typeof path === 'string' ? [{ fd, path }] : [];
}

function strings(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}
