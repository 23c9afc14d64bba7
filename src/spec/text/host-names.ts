import type { Parsed } from '../problems/fault.js';
import { quoted } from '../problems/wording.js';

/** Names of things on the host that the file refers to. */

/** As useradd(8) has it. */
export const USER_NAME_PATTERN = '^[a-z_][a-z0-9_-]{0,31}$';

export function parseUserName(text: string): Parsed<string> {
  if (new RegExp(USER_NAME_PATTERN).test(text)) return { value: text };
  return {
    fault: {
      code: 'spec/bad-user-name',
      message: `${quoted(text)} cannot be the name of a user`,
      fix: 'write the name as `id -un` says it, for example kim',
    },
  };
}

/** A file name of /run/netns that ip-netns(8) takes; no blanks, since it stands in batches of commands. */
export const NAMESPACE_NAME_PATTERN = '^[A-Za-z0-9_][A-Za-z0-9_:.-]{0,62}$';

export function parseNamespaceName(text: string): Parsed<string> {
  if (new RegExp(NAMESPACE_NAME_PATTERN).test(text)) return { value: text };
  return {
    fault: {
      code: 'spec/bad-namespace-name',
      message: `${quoted(text)} cannot be the name of a network namespace`,
      fix: 'write the name as `ip netns` shows it, for example blue',
    },
  };
}

/** An absolute path without blanks and quotes, since it is shown within commands. */
export const FILE_PATH_PATTERN = '^/[A-Za-z0-9_./-]{1,200}$';

export function parseFilePath(text: string): Parsed<string> {
  if (new RegExp(FILE_PATH_PATTERN).test(text)) return { value: text };
  return {
    fault: {
      code: 'spec/bad-path',
      message: `${quoted(text)} is not the path of a file`,
      fix: 'write the whole path, of letters, digits, and `.`, `_`, `-`, for example /etc/passerelle/shop.psk',
    },
  };
}
