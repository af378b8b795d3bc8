import { execa } from 'execa';
import { left, type Patience } from '../client.ts';
import { failed, VboxError } from '../errors.ts';

export interface Ran {
  readonly stdout: string;
}
export type Run = (args: readonly string[], p: Patience, o?: { readonly acts?: boolean }) => Promise<Ran>;

const LONGEST = 64 << 20;

/**
 * Runs VBoxManage. What acts is left to its end whatever becomes of us: killed between an attachment and the saving of it,
 * it would leave the disk stuck. VBoxSVC gives back the locks of a program that has ended.
 */
export function runner(program: string, requestMs: number, count: () => void): Run {
  return async (args, p, o = {}) => {
    p.signal.throwIfAborted();
    count();
    const ms = Math.max(1, Math.ceil(o.acts === true ? Math.max(left(p), requestMs) : Math.min(left(p), requestMs)));
    const child = execa(program, args, {
      reject: false,
      stdin: 'ignore',
      cleanup: o.acts !== true,
      detached: o.acts === true,
      maxBuffer: LONGEST,
      ...(o.acts !== true && { timeout: ms, cancelSignal: p.signal }),
      // Paths beyond ASCII are refused in the C locale; messages are read.
      env: { LC_ALL: 'C.UTF-8', LANG: 'C.UTF-8', LANGUAGE: 'C' },
    });
    const r = await (o.acts === true ? atMost(child, ms, args) : child);
    if (p.signal.aborted && o.acts !== true) throw p.signal.reason;
    if (r.exitCode === 0) return { stdout: String(r.stdout) };
    if (r.code === 'ENOENT' || r.code === 'EACCES') throw noProgram(program, r.code);
    if (r.timedOut) throw new VboxError('late', `VBoxManage ${args[0]} did not end within ${Math.round(ms)} ms`);
    throw failure(String(r.stderr ?? ''), args, r.exitCode);
  };
}

async function atMost<T>(child: Promise<T>, ms: number, args: readonly string[]): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new VboxError('late', `VBoxManage ${args[0]} has not ended within ${Math.round(ms)} ms and goes on`));
    }, ms);
  });
  try {
    return await Promise.race([child, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** `VBoxManage: error: …`, then `Details: code VBOX_E_… (0x…)`; some errors have the sentence alone. */
export function failure(stderr: string, args: readonly string[], exitCode: number | undefined): VboxError {
  const lines = stderr.split('\n').flatMap((l) => /^VBoxManage: (?:fatal )?error: (.*)$/.exec(l)?.[1] ?? []);
  const code = /\((0x[0-9a-f]{8})\)/i.exec(lines.find((l) => /^(Details: )?code /i.test(l)) ?? '')?.[1];
  const said = lines.filter((l) => !/^(Details|Context|Code)\b/.test(l)).join(' ');
  const text = said || stderr.trim().split('\n').at(-1) || `VBoxManage ${args[0]} ended with status ${exitCode}`;
  if (code !== undefined) return failed(Number(code), text);
  if (/NS_ERROR_ABORT|NS_ERROR_CALL_FAILED|VBoxSVC|COM server/i.test(stderr)) return new VboxError('gone', text);
  if (/^(Could not find|No storage|Machine .* not found)/i.test(text)) return new VboxError('not_found', text);
  return new VboxError('other', text);
}

const noProgram = (program: string, code: string): VboxError =>
  new VboxError(
    'program',
    `The program ${program} cannot be run (${code}). With virtualbox.transport: cli this must run on the VirtualBox host itself; virtualbox.vboxManagePath names the program`,
  );
