/**
 * Starts the command: one file of CommonJS (rolldown.config.js), with what V8 compiled of it when it was built. Without
 * that code cache every command would compile the same megabyte anew. It is made by scripts/write-code-cache.cjs; one of
 * another build is not used, one of another Node.js is refused by V8, and without one the command only starts later.
 */
import fs = require('node:fs');
import module_ = require('node:module');
import path = require('node:path');
import v8 = require('node:v8');
import vm = require('node:vm');

/**
 * How much of a function is run, in bytes of bytecode, before V8 makes machine code of it: most verbs are over before it
 * pays. Of a file of 1000 machines it takes a quarter of the processor time; what goes on for long is compiled all the same.
 */
const INTERRUPT_BUDGET_BYTES = 10_000_000;
// Before anything is compiled: V8 refuses code that was compiled under other flags.
v8.setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET_BYTES}`);

/** Both files begin with the same line of this length, which tells the build. */
const BUILD_LINE_BYTES = 64;

const file = path.join(__dirname, 'command.cjs');
// The build leaves nothing in it but ASCII, which is read as it is.
const source = fs.readFileSync(file, 'latin1');
const cache = readCache(path.join(__dirname, 'command.cache'));
const isOfThisBuild = cache?.toString('latin1', 0, BUILD_LINE_BYTES) === source.slice(0, BUILD_LINE_BYTES);
const script = new vm.Script(module_.wrap(source), {
  filename: file,
  ...(isOfThisBuild && { cachedData: cache?.subarray(BUILD_LINE_BYTES) }),
});
const run = script.runInThisContext() as (...names: unknown[]) => void;
run(exports, require, module, file, __dirname);

function readCache(cacheFile: string): Buffer | undefined {
  try {
    return fs.readFileSync(cacheFile);
  } catch {
    return undefined;
  }
}

/** For scripts/write-code-cache.cjs. */
export = script;
