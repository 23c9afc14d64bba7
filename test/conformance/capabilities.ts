import type { Capabilities, EngineContext, Support } from '../../src/engines/contract.js';
import { ENGINES } from '../../src/engines/registry.js';
import { placesOf } from '../../src/places.js';
import type { EngineName, Mode } from '../../src/topology/topology.js';

/** What is no capability of its own: keys of the file are the matter of the engines' own suites. */
type NoCapability = 'modes' | 'forwardSources' | 'networkKeys' | 'nicKeys' | 'needsRoot' | 'modesNeedingRoot';

/** Each thing that an engine can declare, by its name in the contract. */
export type Capability = Mode | Exclude<keyof Capabilities, NoCapability>;

export type Declared = Readonly<Record<Capability, Support>>;

/** Engines of this build, in the order of the registry. */
export const ENGINE_NAMES = Object.keys(ENGINES) as EngineName[];

/** What an engine declares; the same on every host, whoever asks. */
export function capabilitiesOf(name: EngineName): Capabilities {
  const create = ENGINES[name];
  if (create === undefined) throw new Error(`this build has no engine ${name}`);
  const environment = { XDG_RUNTIME_DIR: '/tmp', XDG_STATE_HOME: '/tmp' };
  const context: EngineContext = { project: 'none', places: placesOf('none', environment, 0) };
  return create(context).capabilities;
}

export function declaredBy(name: EngineName): Declared {
  const {
    modes,
    forwardSources: _sources,
    networkKeys: _keys,
    nicKeys: _nicKeys,
    needsRoot: _root,
    modesNeedingRoot: _rootModes,
    ...others
  } = capabilitiesOf(name);
  return { ...modes, ...others };
}

/** What a run can prove: as an ordinary user not the modes that need root, as root on such an engine only those. */
export function declaredFor(name: EngineName, isRoot: boolean): Partial<Declared> {
  const { needsRoot, modesNeedingRoot } = capabilitiesOf(name);
  const needing = new Set<string>(modesNeedingRoot);
  const isProvable = ([capability]: [string, Support]): boolean =>
    needsRoot || needing.has(capability) === isRoot;
  return Object.fromEntries(Object.entries(declaredBy(name)).filter(isProvable));
}
