import { SERVICE } from '../columns.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';
import type { Plain } from '../table/row.ts';

export async function ls({ io, printing, flags, logger, redactor }: Plain): Promise<number> {
  const session = await openSession(flags, io, logger, redactor);
  try {
    const rows = await session.services();
    await print(io, printing, rows, { rows, columns: SERVICE });
    return 0;
  } finally {
    await session.close();
  }
}
