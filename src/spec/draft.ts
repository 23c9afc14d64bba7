import type { Path } from './problems/wording.js';
import type { SourceLocation } from './source-location.js';
import type { ForwardSpec, MachineSpec, NetworkSpec, NicSpec, Spec } from './spec.js';
import { locateKey, locateValue, nodeAt, pathKey, type Tree } from './yaml/tree.js';

/**
 * The specification while its problems are collected. Parts of the file that make no sense are left out of it, so
 * that the rest can be checked all the same; what was left out is remembered, so that nothing is called missing only
 * because it was left out.
 */
export class Draft {
  readonly networks: ReadonlyMap<string, NetworkSpec>;
  readonly machines: ReadonlyMap<string, MachineSpec>;
  private readonly damaged = new Set<string>();

  /**
   * @param original the whole file. @param tree the file without what was dropped.
   * @param forwardPaths where each forward stands in `tree`.
   */
  constructor(
    readonly spec: Spec,
    private readonly original: Tree,
    private readonly tree: Tree,
    private readonly dropped: readonly Path[],
    private readonly forwardPaths: ReadonlyMap<ForwardSpec, Path>,
  ) {
    this.networks = new Map(spec.networks.map((network) => [network.name, network]));
    this.machines = new Map(spec.machines.map((machine) => [machine.name, machine]));
    for (const path of dropped) {
      for (let length = 0; length <= path.length; length++) this.damaged.add(pathKey(path.slice(0, length)));
    }
  }

  nics(): NicSpec[] {
    return this.spec.machines.flatMap((machine) => machine.nics);
  }

  /** Whether nothing at or below the path was left out. */
  isWhole(path: Path): boolean {
    return !this.damaged.has(pathKey(path));
  }

  /** Whether the file has such a name at all, even if what it names makes no sense. */
  declares(kind: 'hosts' | 'networks' | 'machines', name: string): boolean {
    const names = nodeAt(this.original, [kind]);
    const isLost = this.dropped.some((path) => path.length === 1 && path[0] === kind);
    return isLost || (names?.kind === 'mapping' && names.entries.has(name));
  }

  at(path: Path): SourceLocation {
    return locateValue(this.tree, path);
  }

  keyAt(path: Path): SourceLocation {
    return locateKey(this.tree, path);
  }

  has(path: Path): boolean {
    return nodeAt(this.tree, path) !== undefined;
  }

  /** The keys of a mapping. */
  keys(path: Path): string[] {
    const node = nodeAt(this.tree, path);
    return node?.kind === 'mapping' ? [...node.entries.keys()] : [];
  }

  /** What the file says at the path, when that is a lone value. */
  leaf(path: Path): unknown {
    const node = nodeAt(this.tree, path);
    return node?.kind === 'leaf' ? node.value : undefined;
  }

  pathOf(forward: ForwardSpec): Path {
    return this.forwardPaths.get(forward) ?? ['forwards'];
  }
}

export function networkPath(network: NetworkSpec, ...rest: Path): Path {
  return ['networks', network.name, ...rest];
}

export function machinePath(machine: MachineSpec, ...rest: Path): Path {
  return ['machines', machine.name, ...rest];
}

export function nicPath(nic: NicSpec, ...rest: Path): Path {
  return ['machines', nic.machine, 'nics', nic.index, ...rest];
}
