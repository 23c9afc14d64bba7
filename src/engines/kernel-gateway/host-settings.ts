/**
 * What we need of the host's own settings. Which ones that are depends on the host as it is now (its default route, its
 * kernel, who else filters packets), so a resource says what for, and this says which.
 */
import type { Run } from '../../clients/command/run.js';
import { readRoutes } from '../../clients/iproute/routes.js';
import type { NftTable } from '../../clients/nft/listing.js';
import { readSettings } from '../../clients/sysctl/sysctl.js';
import { type Change, type Resource, subjectOf } from '../../plan/resource.js';
import type { HostPart } from './host-parts.js';
import { BRIDGE_NETFILTER_KIND, holdsForBridges } from './rules/bridge-netfilter.js';
import type { Hold, HoldRegister } from './holds.js';
import {
  holdsBeforeForwarding,
  holdsFor,
  UPLINK_FORWARDING_KIND,
  uplinkSettingNames,
} from './uplink/uplink-forwarding.js';
import { asUnfulfilled, type WishFile, type Wishes } from './wish-file.js';

/** Kinds that this keeps. */
const KINDS: ReadonlySet<string> = new Set([UPLINK_FORWARDING_KIND, BRIDGE_NETFILTER_KIND]);

export class HostSettings implements HostPart {
  readonly #wishes: WishFile;
  readonly #register: HoldRegister;
  readonly #run: Run;

  constructor(wishes: WishFile, register: HoldRegister, run: Run) {
    this.#wishes = wishes;
    this.#register = register;
    this.#run = run;
  }

  /** Beside what else is read for a look: what `observe` will ask for. */
  async readAhead(signal: AbortSignal): Promise<void> {
    if ((await this.#wishes.read()).size > 0) await readRoutes(this.#run, signal);
  }

  /** A wish that the host does not fulfil as it is now is seen without its properties. */
  async observe(signal: AbortSignal, foreignTables: readonly NftTable[]): Promise<Resource[]> {
    const wishes = await this.#wishes.read();
    const held = await this.#register.held();
    if (wishes.size === 0 && held.length === 0) return [];
    const isFulfilled = await this.#isFulfilled(wishes, held, foreignTables, signal);
    return [...wishes.values()].map((wish) => (isFulfilled(wish) ? wish : asUnfulfilled(wish)));
  }

  /** Before any device of ours forwards: what the host needs held so as not to lose its own gateway. */
  async prepare(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    const coming = changes.flatMap((change) =>
      change.action !== 'delete' && change.after.kind === UPLINK_FORWARDING_KIND ? [change.after] : [],
    );
    if (coming.length === 0) return;
    await this.#wishes.announce(coming);
    const wishes = new Map(coming.map((wish) => [wish.id, wish]));
    const holds = [...(await this.#holdsOf(wishes, [], signal)).values()].flat();
    await this.#register.hold(holdsBeforeForwarding(holds), signal);
  }

  async apply(
    changes: readonly Change[],
    signal: AbortSignal,
    foreignTables: readonly NftTable[],
  ): Promise<void> {
    const concerned = changes.filter((change) => KINDS.has(subjectOf(change).kind));
    if (concerned.length === 0) return;
    await this.#wishes.change(concerned, async (wanted) => {
      const holds = [...(await this.#holdsOf(wanted, foreignTables, signal)).values()].flat();
      await this.#register.hold(holds, signal);
      const names = new Set(holds.map(({ setting }) => setting));
      const stale = (await this.#register.held()).filter(({ setting }) => !names.has(setting));
      await this.#register.release(
        stale.map(({ setting }) => setting),
        signal,
      );
    });
  }

  async #holdsOf(
    wishes: Wishes,
    foreignTables: readonly NftTable[],
    signal: AbortSignal,
  ): Promise<Map<string, Hold[]>> {
    const routes = await readRoutes(this.#run, signal);
    const uplinks = [...wishes.values()].flatMap(({ properties }) =>
      typeof properties['uplink'] === 'string' ? [properties['uplink']] : [],
    );
    const settings = await readSettings(this.#run, uplinkSettingNames(uplinks, routes), signal);
    return new Map(
      [...wishes.values()].map((wish) => [
        wish.id,
        wish.kind === UPLINK_FORWARDING_KIND
          ? holdsFor(wish, routes, settings)
          : holdsForBridges(foreignTables),
      ]),
    );
  }

  async #isFulfilled(
    wishes: Wishes,
    held: readonly Hold[],
    foreignTables: readonly NftTable[],
    signal: AbortSignal,
  ): Promise<(wish: Resource) => boolean> {
    const holds = await this.#holdsOf(wishes, foreignTables, signal);
    const wanted = [...holds.values()].flat();
    const names = new Set([...wanted, ...held].map(({ setting }) => setting));
    const current = await readSettings(this.#run, [...names], signal);
    const registered = new Set(held.map(({ setting }) => setting));
    const wantedNames = new Set(wanted.map(({ setting }) => setting));
    const nothingStale = held.every(({ setting }) => wantedNames.has(setting));
    return (wish) =>
      nothingStale &&
      (holds.get(wish.id) ?? []).every(
        ({ setting, value }) =>
          !current.has(setting) || (registered.has(setting) && current.get(setting) === value),
      );
  }
}
