import type { Logger } from '@rexray/core';
import { SERVICE } from '../columns.ts';
import type { GlobalFlags } from '../context.ts';
import type { Io } from '../io.ts';
import { type Printing, print } from '../output.ts';
import { openSession } from '../session.ts';

export async function ls(io: Io, printing: Printing, flags: GlobalFlags, logger: Logger): Promise<number> {
  const session = await openSession(flags, io, logger);
  try {
    const rows = await session.services();
    await print(io, printing, rows, { rows, columns: SERVICE });
    return 0;
  } finally {
    await session.close();
  }
}
