import { defineConfig } from 'vitest/config';

// Two projects: `unit` runs beside the code in parallel; `system` boots guests and owns the machine while it runs.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'test/fuzz/**/*.test.ts',
            'test/unit/**/*.test.ts',
            'bench/**/*.test.ts',
          ],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'system',
          include: [
            'test/lab/**/*.test.ts',
            'test/conformance/**/*.test.ts',
            'test/recovery/**/*.test.ts',
            'test/endurance/**/*.test.ts',
          ],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Emulated guests on a machine that is busy with something else: one more try, said in the report.
          retry: 1,
          fileParallelism: false,
          pool: 'forks',
        },
      },
    ],
  },
});
