import { OvsdbConnection, type ConnectionOptions } from './connection.js';
import { type Row, readRow } from './datum.js';
import { Monitor } from './monitor.js';
import { type Operation, select, type Where } from './operations.js';
import { dial, type Remote } from './remote.js';
import type { Watched } from './replica.js';
import { type DatabaseSchema, type Needs, parseSchema, requireSchema, tableOf } from './schema.js';
import { type OperationResult, transact } from './transaction.js';

/** One database of a server: a connection with the schema that tells how to read what comes. */
export class OvsdbDatabase {
  private constructor(
    readonly connection: OvsdbConnection,
    readonly schema: DatabaseSchema,
  ) {}

  /**
   * Dials the server and reads the schema.
   * @param needs what will be used: checked at once, since one unknown column rejects a whole transaction.
   * @throws PasserelleError `ovsdb/unreachable`, `ovsdb/schema-too-old`, `ovsdb/bad-schema`
   */
  static async open(
    remote: Remote,
    name: string,
    needs: Needs,
    signal: AbortSignal,
    options: ConnectionOptions = {},
  ): Promise<OvsdbDatabase> {
    const connection = new OvsdbConnection(await dial(remote, signal), options);
    try {
      const schema = parseSchema(await connection.request('get_schema', [name], signal));
      requireSchema(schema, needs);
      return new OvsdbDatabase(connection, schema);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async transact(operations: readonly Operation[], signal: AbortSignal): Promise<OperationResult[]> {
    return transact(this.connection, this.schema.name, operations, signal);
  }

  async select(table: string, where: Where, columns: readonly string[], signal: AbortSignal): Promise<Row[]> {
    const [result] = await this.transact([select(table, where, columns)], signal);
    const types = tableOf(this.schema, table);
    return (result?.rows ?? []).map((row) => readRow(row, types));
  }

  async monitor(watched: Watched, signal: AbortSignal): Promise<Monitor> {
    return Monitor.start(this.connection, this.schema, watched, signal);
  }

  close(): void {
    this.connection.close();
  }
}
