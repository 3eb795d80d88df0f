import { defineConfig } from 'vitest/config';

const shared = { pool: 'forks', isolate: false, testTimeout: 20_000, hookTimeout: 60_000 } as const;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['{packages,scripts,examples}/**/*.test.ts'],
        },
      },
      { test: { ...shared, name: 'apps', include: ['apps/**/*.test.ts'] } },
      {
        // Needs HOLDFAST_URL and HOLDFAST_API_KEY of a running server; `npm test` starts one.
        test: { ...shared, name: 'conformance', include: ['conformance/**/*.test.ts'] },
      },
    ],
  },
});
