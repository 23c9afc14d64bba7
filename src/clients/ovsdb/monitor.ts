import type { OvsdbConnection } from './connection.js';
import type { Json, JsonObject } from './notation.js';
import { Replica, type Tables, type Watched } from './replica.js';
import { type DatabaseSchema, requireSchema } from './schema.js';

interface Waiter {
  check(): void;
  fail(reason: Error): void;
}

let monitorCount = 0;

/** A live copy of parts of a database, kept by `monitor_cond` and `update2`, until `stop` or the connection's end. */
export class Monitor {
  readonly replica: Replica;
  readonly #connection: OvsdbConnection;
  readonly #id = `passerelle-${monitorCount++}`;
  readonly #waiters = new Set<Waiter>();
  readonly #unsubscribe: () => void;
  /** Updates that came while the reply with the first state was on its way to us; `undefined` once it is in. */
  #early: Json[] | undefined = [];
  #over: Error | undefined;

  private constructor(connection: OvsdbConnection, schema: DatabaseSchema, watched: Watched) {
    this.#connection = connection;
    this.replica = new Replica(schema, watched);
    this.#unsubscribe = connection.onNotification('update2', ([id, updates]) => {
      if (id === this.#id && updates !== undefined) this.#take(updates);
    });
    void connection.ended.then((reason) => this.#finish(reason ?? new Error('the connection was closed')));
  }

  /**
   * Watches columns of tables. The copy is complete when this settles.
   * @throws PasserelleError `ovsdb/schema-too-old` when the database lacks what is to be watched.
   */
  static async start(
    connection: OvsdbConnection,
    schema: DatabaseSchema,
    watched: Watched,
    signal: AbortSignal,
  ): Promise<Monitor> {
    requireSchema(schema, watched);
    const monitor = new Monitor(connection, schema, watched);
    const requests: Record<string, JsonObject[]> = {};
    for (const [table, columns] of Object.entries(watched)) requests[table] = [{ columns }];
    try {
      monitor.replica.apply(
        await connection.request('monitor_cond', [schema.name, monitor.#id, requests], signal),
      );
    } catch (error) {
      monitor.#unsubscribe();
      throw error;
    }
    const early = monitor.#early ?? [];
    monitor.#early = undefined;
    for (const updates of early) monitor.#take(updates);
    return monitor;
  }

  /**
   * Waits until the copy satisfies the test, which is asked now and after each update.
   * @throws the reason the connection ended, or the signal's.
   */
  async until(test: (tables: Tables) => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (test(this.replica.tables)) return;
    if (this.#over !== undefined) throw this.#over;
    await new Promise<void>((resolve, reject) => {
      const settled = () => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        check: () => {
          if (!test(this.replica.tables)) return;
          settled();
          resolve();
        },
        fail: (reason) => {
          settled();
          reject(reason);
        },
      };
      const onAbort = () => waiter.fail(signal.reason as Error);
      this.#waiters.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#unsubscribe();
    this.#finish(new Error('the monitor was stopped'));
    await this.#connection.request('monitor_cancel', [this.#id], signal);
  }

  #take(updates: Json): void {
    if (this.#early !== undefined) {
      this.#early.push(updates);
      return;
    }
    this.replica.apply(updates);
    for (const waiter of this.#waiters) waiter.check();
  }

  #finish(reason: Error): void {
    this.#over ??= reason;
    for (const waiter of this.#waiters) waiter.fail(reason);
  }
}
