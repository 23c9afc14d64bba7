import { PasserelleError } from '../../errors.js';
import type { Resource } from '../../plan/resource.js';

/**
 * What an engine of the kernel holds on a host that lacks its programs: nothing, since nothing could have made it. A file
 * that uses the engine is told of the missing programs by `preflight`, before anything is observed.
 */
export async function nothingWithoutPrograms(observed: Promise<Resource[]>): Promise<Resource[]> {
  try {
    return await observed;
  } catch (error) {
    const isAbsent =
      error instanceof PasserelleError && error.problems.every(({ code }) => code === 'command/not-found');
    if (isAbsent) return [];
    throw error;
  }
}
