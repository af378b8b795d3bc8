import { mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { destination } from 'pino';

/** Where the daemon's own log stands, where no journal keeps it. */
export const logPath = (logDir: string): string => join(logDir, 'rexray.log');
/** Beyond it the file becomes `rexray.log.1`, and a new one begins: two of them at the most. In bytes. */
const MOST = 16 * 2 ** 20;

export interface LogFile {
  write(line: string): void;
  flush(): void;
}

/** Appends to a file of bounded size; undefined where the directory cannot be written: a log is no reason not to serve. */
export function logFile(logDir: string, most = MOST): LogFile | undefined {
  const path = logPath(logDir);
  try {
    mkdirSync(logDir, { recursive: true, mode: 0o755 });
    const file = destination({ dest: path, sync: true, append: true, mode: 0o640 });
    let size = statSync(path).size;
    file.on('error', () => {});
    return {
      write(line) {
        file.write(line);
        size += Buffer.byteLength(line);
        if (size <= most) return;
        size = 0;
        try {
          renameSync(path, `${path}.1`);
          file.reopen();
        } catch {
          // It goes on in the file that it has.
        }
      },
      flush() {
        try {
          file.flushSync();
        } catch {
          // Gone with its disk.
        }
      },
    };
  } catch {
    return undefined;
  }
}
