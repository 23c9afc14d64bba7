/**
 * Waits until all of them have ended, and only then throws what the first of them threw: what is refused must not leave
 * another at work, since the way back begins when this returns.
 */
export async function allEnded(tasks: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(tasks)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}
