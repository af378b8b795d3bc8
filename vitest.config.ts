import { defineConfig } from 'vitest/config';

const resolve = { conditions: ['@rexray/source', 'node', 'import', 'default'] };
const shared = { resolve, ssr: { resolve } };

/** `unit` needs nothing and runs in parallel; `root` changes the machine (mounts, loop devices), so it runs file by file; `long` only on request (`npm run test:long`). */
export default defineConfig({
  ...shared,
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['{packages,plugins,examples,tests}/*/test/**/*.test.ts', 'scripts/test/*.test.mjs'],
          exclude: ['**/*.{root,long}.test.ts', '**/node_modules/**'],
          testTimeout: 20_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'root',
          include: ['{packages,plugins,examples,tests}/*/test/**/*.root.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'long',
          include: ['{packages,plugins,examples,tests}/*/test/**/*.long.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 3_600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
