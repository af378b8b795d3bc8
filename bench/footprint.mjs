import { execFileSync } from 'node:child_process';
import { removeRoot, tempRoot } from './rig/loop.mjs';

const child = new URL('rig/idle.mjs', import.meta.url).pathname;

export default {
  what: 'a program that opens REX-Ray in-process (local-loop) and idles',
  async measure() {
    const root = tempRoot();
    try {
      const runs = Array.from({ length: 7 }, () =>
        JSON.parse(execFileSync(process.execPath, [child, root], { encoding: 'utf8' })),
      );
      const bare = Array.from({ length: 7 }, () => {
        const start = performance.now();
        execFileSync(process.execPath, ['-e', '0']);
        return performance.now() - start;
      });
      const median = (xs) => xs.sort((a, b) => a - b)[Math.floor(xs.length / 2)];
      return {
        'start of the process to ready': `${median(runs.map((r) => r.readyMs)).toFixed(0)} ms (bare node: ${median(bare).toFixed(0)} ms)`,
        import: `${median(runs.map((r) => r.importMs)).toFixed(0)} ms`,
        open: `${median(runs.map((r) => r.openMs)).toFixed(0)} ms`,
        'RSS, idle': `${median(runs.map((r) => r.rssMiB)).toFixed(0)} MiB`,
      };
    } finally {
      removeRoot(root);
    }
  },
};
