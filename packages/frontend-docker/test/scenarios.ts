import type { Plugged } from './plugged.ts';

const X = 'e'.repeat(64);

/**
 * What Docker sends for `docker cp` into a running container, then `docker stop`: the same id mounted again, twice, while
 * the container has it. @returns what went wrong: empty when the volume was there for as long as the container ran
 */
export async function copyIntoRunning(on: Plugged): Promise<readonly string[]> {
  const wrong: string[] = [];
  const there = (when: string): void => {
    if (!on.rex.machine.mounts.has('/volumes/v')) wrong.push(`not mounted ${when}`);
  };
  await on.ask('Create', { Name: 'v' });
  await on.ask('Mount', { Name: 'v', ID: X });
  for (const copy of ['first', 'second']) {
    await on.ask('Mount', { Name: 'v', ID: X });
    there(`during the ${copy} copy`);
    await on.ask('Unmount', { Name: 'v', ID: X });
    there(`after the ${copy} copy, with the container running`);
  }
  await on.ask('Unmount', { Name: 'v', ID: X });
  if (on.rex.machine.mounts.has('/volumes/v')) wrong.push('still mounted after the container stopped');
  return wrong;
}
