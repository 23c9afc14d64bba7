import { jsonSchema } from '../../spec/json-schema.js';
import { type Session, writeJson } from '../session.js';

/** The JSON Schema of the file, for editors. */
export function schemaVerb(session: Session): Promise<number> {
  writeJson(session, jsonSchema());
  return Promise.resolve(0);
}
