import { PasserelleError } from '../../errors.js';
import { type OvsdbConnection, RpcError } from './connection.js';
import type { Json, JsonObject } from './notation.js';
import type { Operation } from './operations.js';

/** What one operation gave: `uuid` for an insert, `rows` for a select, `count` for update, mutate and delete. */
export interface OperationResult {
  readonly uuid?: string;
  readonly rows?: readonly JsonObject[];
  readonly count?: number;
}

/**
 * Carries out the operations as one: all or none.
 * @returns one result an operation. A `count` of 0 means that nothing matched, which the server calls success.
 * @throws PasserelleError `ovsdb/transaction-refused` that names the operation; whatever `request` throws.
 */
export async function transact(
  connection: OvsdbConnection,
  database: string,
  operations: readonly Operation[],
  signal: AbortSignal,
): Promise<OperationResult[]> {
  let reply: Json;
  try {
    reply = await connection.request('transact', [database, ...operations], signal);
  } catch (error) {
    if (error instanceof RpcError) throw refused(describeError(error.error));
    throw error;
  }
  if (!Array.isArray(reply)) throw refused('the answer is no list of results');
  return readResults(reply as readonly Json[], operations);
}

/**
 * A failed operation is followed by nulls; an error at commit is one result more than there were operations
 * (RFC 7047, section 4.1.3).
 */
export function readResults(reply: readonly Json[], operations: readonly Operation[]): OperationResult[] {
  for (const [index, result] of reply.entries()) {
    if (!isObject(result) || !('error' in result)) continue;
    const operation = operations[index];
    throw refused(
      operation === undefined
        ? `at commit: ${describeError(result)}`
        : `operation ${index + 1} (${describeOperation(operation)}): ${describeError(result)}`,
    );
  }
  if (reply.length < operations.length)
    throw refused('the answer has fewer results than there were operations');
  return reply.slice(0, operations.length).map(readResult);
}

function readResult(json: Json): OperationResult {
  if (!isObject(json)) return {};
  const { uuid, rows, count } = json;
  return {
    ...(Array.isArray(uuid) && typeof uuid[1] === 'string' ? { uuid: uuid[1] } : {}),
    ...(Array.isArray(rows) ? { rows: rows.filter(isObject) } : {}),
    ...(typeof count === 'number' ? { count } : {}),
  };
}

function describeOperation(operation: Operation): string {
  const table = operation['table'];
  return typeof table === 'string' ? `${operation.op} ${table}` : operation.op;
}

function describeError(json: Json): string {
  if (!isObject(json)) return plain(json);
  const { error, details } = json;
  return typeof details === 'string' ? `${plain(error)}: ${details}` : plain(error);
}

function plain(json: Json | undefined): string {
  return typeof json === 'string' ? json : JSON.stringify(json ?? null);
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function refused(detail: string): PasserelleError {
  return new PasserelleError({
    code: 'ovsdb/transaction-refused',
    message: `the database server refused the transaction, none of it was done: ${detail}`,
    fix: 'run the command again: when something else changed the same rows, the new plan takes it in',
  });
}
