// The command as one file: loading five hundred modules takes Node.js longer than most verbs take.
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';

/** ASCII alone is read without being decoded, and held in half the memory. */
function escaped(code) {
  return code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The first line tells the build, by which src/passerelle.cts knows the code cache that belongs to it: 64 bytes. */
function withBuildLine(code) {
  return `// ${createHash('sha256').update(code).digest('hex').slice(0, 60)}\n${code}`;
}

export default defineConfig({
  input: 'src/cli/main.ts',
  platform: 'node',
  // The build of the YAML library for browsers: the one for Node.js asks for an environment variable at every token.
  resolve: {
    alias: {
      yaml: fileURLToPath(import.meta.resolve('yaml/package.json')).replace(
        /package\.json$/,
        'browser/dist/index.js',
      ),
    },
  },
  output: { file: 'dist/command.new.cjs', format: 'cjs' },
  plugins: [
    {
      name: 'build-line',
      // Here, since what an earlier hook returns is printed anew.
      generateBundle(_options, bundle) {
        for (const chunk of Object.values(bundle)) chunk.code = withBuildLine(escaped(chunk.code));
      },
    },
  ],
});
