import type { Link } from '../../../clients/iproute/links.js';
import type { DumpedFlow } from '../flows/flow-text.js';
import type { Keys } from '../database/ipsec.js';
import type { MeterProperties } from '../resources.js';
import type { Snapshot } from '../database/snapshot.js';
import type { NamespaceView } from '../../open-vswitch/inside.js';

/** Everything that was read. */
export interface HostState {
  readonly project: string;
  readonly snapshot: Snapshot;
  readonly links: ReadonlyMap<string, Link>;
  /** Devices that bear an address of more than the link's own scope. */
  readonly addressed: ReadonlySet<string>;
  /** Devices that the shield covers. */
  readonly shielded: ReadonlySet<string>;
  /** Networks whose uplink waits for a word. */
  readonly waiting: ReadonlySet<string>;
  /** Keys of encrypted tunnels, as their files have them. */
  readonly keys: Keys;
  /** Ids of captures that were killed. */
  readonly deadCaptures: readonly string[];
  /** Namespaces of ours. */
  readonly inside: readonly NamespaceView[];
  /** By bridge. */
  readonly flows: ReadonlyMap<string, readonly DumpedFlow[]>;
  readonly meters: ReadonlyMap<string, ReadonlyMap<number, MeterProperties>>;
}
