import { HIDDEN } from './invalid.ts';

/** Names of keys whose value is never shown; schemas mark more of them, but a broken file cannot be read that far. */
const SECRET = /(pass|secret|token|credential|auth|key|cert|private)/i;
/** A key at the start of a line, or inside `{ }`. */
const KEY = /^(\s*(?:-\s+)?)(["']?)([^\s"':{[]+)\2\s*:(\s|$)/;

export const looksSecret = (key: string): boolean => SECRET.test(key);

/** The lines around an error with a mark on it. Secret values are hidden, and so is what may continue one. */
export function excerpt(text: string, line: number): string {
  const lines = text.split(/\r?\n/);
  let hiding = -1;
  const shown = lines.map((raw) => {
    const m = KEY.exec(raw);
    const indent = /^\s*/.exec(raw)?.[0].length ?? 0;
    if (m?.[3] === undefined) return hiding >= 0 ? `${' '.repeat(indent)}${HIDDEN}` : mask(raw);
    if (hiding >= 0 && indent > hiding) return `${' '.repeat(indent)}${HIDDEN}`;
    hiding = looksSecret(m[3]) ? indent : -1;
    return hiding >= 0 ? `${raw.slice(0, raw.indexOf(':'))}: ${HIDDEN}` : mask(raw);
  });
  const from = Math.max(1, line - 2);
  return lines
    .slice(from - 1, line + 1)
    .map((_, i) => `${from + i === line ? '>' : ' '} ${String(from + i).padStart(3)} | ${shown[from + i - 1] ?? ''}`)
    .join('\n');
}

/** `{ user: a, password: b }` on one line: everything from the first secret-looking word on. */
function mask(raw: string): string {
  const m = /[\w-]*(pass|secret|token|credential|auth|key|cert|private)[\w-]*["']?\s*[:=]/i.exec(raw);
  return m === null ? raw : `${raw.slice(0, m.index + m[0].length)} ${HIDDEN}`;
}
