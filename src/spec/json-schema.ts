import { z } from 'zod';
import { LABEL_PATTERN } from './text/names.js';
import { file } from './schema/file.js';

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * The JSON Schema of the file (draft 7, which every editor knows), with a description of each key.
 * `schema/passerelle.schema.json` is this, written out.
 */
export function jsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(file, {
    target: 'draft-7',
    io: 'input',
    override: ({ zodSchema, jsonSchema: part }) => {
      // zod leaves examples out where text is turned into something else; ours are of what is written.
      const examples = z.globalRegistry.get(zodSchema)?.examples;
      if (Array.isArray(examples)) part.examples = examples;
      // Names of networks and machines: zod checks them apart, editors should all the same.
      if (part.propertyNames !== undefined) part.propertyNames = { type: 'string', pattern: LABEL_PATTERN };
    },
  });
  return { title: 'Passerelle project', ...schema };
}
