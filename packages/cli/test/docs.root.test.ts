/**
 * The transcripts of docs/operations.md are what the program says: every command is typed, and answers what stands there
 * (UPDATE_DOCS=1 writes it down anew).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, EXT4, suite, WORKSPACE } from '@rexray/rig';
import { afterAll, expect, it } from 'vitest';
import { ROWS } from '../src/table/index.ts';
import { type DaemonProcess, daemon, Home, services } from './rig.ts';
import { plain, realigned, transcriptsOf, withAnswers } from './transcripts.ts';

const PAGE = join(WORKSPACE, 'docs/operations.md');
const squeezed = (text: string): string => text.replace(/ {2,}/g, '  ');

suite('docs/operations.md', { root: true, loop: true, programs: { ...EXT4, openssl: 'openssl' } }, () => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());
  const page = readFileSync(PAGE, 'utf8');

  it('has every command', () => {
    const typed = page.match(/rexray [a-z][a-z ]*/g) ?? [];
    for (const row of ROWS.filter(
      (r) => r.hidden !== true && !/^service (start|stop|restart|reload|status)$/.test(r.name),
    ))
      expect(
        typed.some((t) => t.startsWith(`rexray ${row.name}`)),
        `rexray ${row.name}`,
      ).toBe(true);
  });

  it('shows what is answered', { timeout: 240_000 }, async () => {
    const home = new Home(cleanup, {
      ...services({ 'local-loop': { driver: 'local-loop' } }),
      rexray: { logLevel: 'info', modules: { none: { type: 'rest', disabled: true } } },
    });
    const said: string[][] = [];
    let running: DaemonProcess | undefined;
    for (const t of transcriptsOf(page)) {
      for (const event of t.before) {
        if (event === 'daemon starts') running = await daemon(cleanup, home);
        else if (event === 'daemon ends') await running?.stop();
      }
      const answers: string[] = [];
      for (const { line } of t.commands) {
        const argv = (line.match(/'[^']*'|\S+/g) ?? []).map((w) =>
          w.replace(/^'|'$/g, '').replace('/srv/image', `${home.dir}/image`),
        );
        expect(argv[0], line).toBe('rexray');
        const r = await home.rexray(...argv.slice(1).map((w) => w.replace('UUID', uuid)));
        uuid = /with the UUID (\S+)\./.exec(r.err)?.[1] ?? uuid;
        answers.push(realigned(plain(`${r.out}${r.err}`, home.dir)));
      }
      said.push(answers);
    }
    if (process.env.UPDATE_DOCS === '1') return writeFileSync(PAGE, withAnswers(page, said));
    const written = transcriptsOf(page).map((t) => t.commands.map((c) => squeezed(c.answer)));
    expect(said.map((t) => t.map(squeezed))).toEqual(written);
  });
  let uuid = '';
});
