import { describe, expect, it } from 'vitest';
import { PasserelleError } from '../errors.js';
import { apply } from './apply.js';
import { makePlan, observeAll } from './plan.js';
import type { ResourceProvider } from './provider.js';
import type { Change, Resource } from './resource.js';

/** A provider whose world is a map, with faults that a test can switch on. */
class MapProvider implements ResourceProvider {
  readonly name = 'map';
  readonly world = new Map<string, Resource>();
  /** The id whose creation or update is refused. */
  refuses: string | undefined;
  ignores: string | undefined;

  async observe(): Promise<Resource[]> {
    return [...this.world.values()];
  }
  async execute(changes: readonly Change[]): Promise<void> {
    for (const change of changes) {
      const id = change.action === 'delete' ? change.before.id : change.after.id;
      if (change.action !== 'delete' && id === this.refuses)
        throw new PasserelleError({ code: 'map/refused', message: `${id} is refused` });
      if (id === this.ignores) continue;
      if (change.action === 'delete') this.world.delete(id);
      else this.world.set(id, change.after);
    }
  }
  updatesInPlace(): boolean {
    return true;
  }
  impactOf(): 'none' {
    return 'none';
  }
  commandsFor(): string[] {
    return [];
  }
}

function thing(id: string, value = 1): Resource {
  return { id, provider: 'map', kind: 'thing', properties: { value }, needs: [], affects: [] };
}

async function applyTo(
  provider: MapProvider,
  desired: Resource[],
  signal = new AbortController().signal,
): Promise<void> {
  const providers = new Map([[provider.name, provider]]);
  const checkpoint = await observeAll(providers, signal);
  const plan = makePlan('p', desired, checkpoint, providers);
  await apply({ plan, desired, checkpoint, providers, events: {}, signal });
}

async function codesOf(attempt: Promise<void>): Promise<string[]> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PasserelleError)) throw new Error('expected a PasserelleError');
  return error.problems.map((problem) => problem.code);
}

describe('apply', () => {
  it('makes the world as desired, and the second time changes nothing', async () => {
    const provider = new MapProvider();
    await applyTo(provider, [thing('a'), thing('b')]);
    expect([...provider.world.keys()].sort()).toEqual(['a', 'b']);
    await applyTo(provider, [thing('a'), thing('b')]);
  });

  it('puts everything back when a change is refused', async () => {
    const provider = new MapProvider();
    await applyTo(provider, [thing('a', 1), thing('old')]);
    provider.refuses = 'z';
    expect(await codesOf(applyTo(provider, [thing('a', 2), thing('z')]))).toEqual([
      'map/refused',
      'apply/reverted',
    ]);
    expect([...provider.world.keys()].sort()).toEqual(['a', 'old']);
    expect(provider.world.get('a')?.properties).toEqual({ value: 1 });
  });

  it('claims nothing that the world does not show', async () => {
    const provider = new MapProvider();
    provider.ignores = 'b';
    expect(await codesOf(applyTo(provider, [thing('a'), thing('b')]))).toEqual([
      'apply/not-verified',
      'apply/reverted',
    ]);
    expect(provider.world.size).toBe(0);
  });

  it('says so when the way back is barred too', async () => {
    const provider = new MapProvider();
    await applyTo(provider, [thing('a', 1)]);
    provider.refuses = 'a';
    provider.ignores = 'b';
    const codes = await codesOf(applyTo(provider, [thing('b')]));
    expect(codes.at(-1)).toBe('apply/revert-failed');
  });

  it('hears an abort between batches and goes back', async () => {
    const provider = new MapProvider();
    const aborted = AbortSignal.abort();
    expect(await codesOf(applyTo(provider, [thing('a')], aborted))).toEqual([
      'apply/interrupted',
      'apply/reverted',
    ]);
    expect(provider.world.size).toBe(0);
  });
});
