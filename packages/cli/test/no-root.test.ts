/** Volumes that are directories, without root: the same story in-process and through the daemon. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, FROM_SOURCES, NODE24, WORKSPACE } from '@rexray/rig';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DaemonProcess, eventually, Home, type Ran, services } from './rig.ts';

const NOBODY = process.geteuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

const STORY = [
  ['volume', 'create', 'data', '-f', 'json'],
  ['volume', 'mount', 'data', '-f', 'json'],
  ['holder', 'ls'],
  ['volume', 'ls', '--path'],
  ['volume', 'rm', 'data'],
  ['snapshot', 'create', 'data', 'snap', '-q'],
  ['volume', 'unmount', 'data'],
  ['snapshot', 'restore', 'snap', 'again', '-q'],
  ['volume', 'inspect', 'nothing'],
  ['snapshot', 'rm', 'snap'],
  ['volume', 'rm', 'data', 'again'],
  ['volume', 'ls', '-f', 'json'],
];

function tell(home: Home): Ran[] {
  const out = execFileSync(
    NODE24,
    [...FROM_SOURCES, join(WORKSPACE, 'packages/cli/test/run-all.ts'), JSON.stringify(STORY)],
    { encoding: 'utf8', env: { ...home.env }, cwd: '/', ...NOBODY },
  );
  return JSON.parse(out) as Ran[];
}
/** What differs from run to run. */
const plain = (ran: readonly Ran[], home: Home): unknown =>
  JSON.parse(
    JSON.stringify(ran)
      .replaceAll(home.dir, 'HOME')
      .replace(/@[0-9a-f]{12}/g, '@ID')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'),
  );

it('the same answers, in-process and through the daemon', { timeout: 90_000 }, async () => {
  const homes = [0, 1].map(() => new Home(cleanup, services({ dir: { driver: 'local-dir' } })));
  for (const h of homes) chmodSync(h.dir, 0o777);
  const [near, far] = homes;
  if (near === undefined || far === undefined) throw new Error('two homes');
  const d = new DaemonProcess(cleanup, far, NOBODY.uid === undefined ? {} : { uid: NOBODY.uid });
  await d.ready();
  const [here, there] = [plain(tell(near), near), plain(tell(far), far)] as [Ran[], Ran[]];
  expect(there).toEqual(here);
  expect(here.map((r) => r.status)).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0]);
  expect(here[4]?.err).toMatch(/^error: in_use: /);
  expect(here[3]?.out).toMatch(/data +mounted +\S+ \S+ +HOME/);
  expect(await d.stop()).toBe(0);
  await eventually(
    () => (d.lines.filter((l) => l.op !== undefined).length >= STORY.length - 1 ? true : undefined),
    () => 'the daemon was not asked',
  );
});
