// The command as one file: loading five hundred modules takes Node.js longer than most verbs take.
import { defineConfig } from 'rolldown';

export default defineConfig({
  input: 'src/cli/main.ts',
  platform: 'node',
  output: { file: 'dist/passerelle.new.js', format: 'esm' },
});
