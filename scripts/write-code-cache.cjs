// Writes what V8 compiled of the command beside it, for src/passerelle.cts: after a run, so that it holds what a run needs.
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const dist = join(__dirname, '..', 'dist');
const BUILD_LINE_BYTES = 64;

process.argv.splice(2, Infinity, 'validate', '-f', join(__dirname, '../examples/shop/passerelle.yaml'));
const script = require(join(dist, 'passerelle.cjs'));
process.on('exit', () => {
  const line = readFileSync(join(dist, 'command.cjs')).subarray(0, BUILD_LINE_BYTES);
  writeFileSync(join(dist, 'command.cache.new'), Buffer.concat([line, script.createCachedData()]));
  renameSync(join(dist, 'command.cache.new'), join(dist, 'command.cache'));
});
