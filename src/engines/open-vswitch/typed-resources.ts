/** Resources whose properties have a shape of their own for each kind. The plan knows them as JSON. */
import type { Json, Resource } from '../../plan/resource.js';

export interface TypedResources<PropertiesByKind> {
  readonly makeResource: <K extends keyof PropertiesByKind & string>(
    kind: K,
    name: string,
    properties: PropertiesByKind[K],
    rest?: Partial<Pick<Resource, 'needs' | 'affects' | 'reason' | 'source'>>,
  ) => Resource;
  /** The properties of a resource made by `makeResource`. @throws Error when it is of another kind. */
  readonly propertiesOf: <K extends keyof PropertiesByKind & string>(
    resource: Resource,
    kind: K,
  ) => PropertiesByKind[K];
}

export function typedResources<PropertiesByKind>(provider: string): TypedResources<PropertiesByKind> {
  return {
    makeResource: (kind, name, properties, rest = {}) => ({
      id: `${provider}/${kind}/${name}`,
      provider,
      kind,
      properties: properties as unknown as Record<string, Json>,
      needs: [],
      affects: [],
      ...rest,
    }),
    propertiesOf(resource, kind) {
      if (resource.kind !== kind) throw new Error(`${resource.id} is no ${kind}`);
      return resource.properties as unknown as PropertiesByKind[typeof kind];
    },
  };
}
