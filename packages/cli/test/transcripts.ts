/** The transcripts of a page of the documentation: what is typed, and what is answered. */

export interface Transcript {
  /** `daemon starts`, `daemon ends`: what has happened before the block. */
  readonly before: readonly string[];
  readonly commands: readonly { readonly line: string; readonly answer: string }[];
}

const BLOCK = /((?:<!-- transcript: [^\n]* -->\n)*)```console\n([\s\S]*?)```\n/g;

export function transcriptsOf(page: string): readonly Transcript[] {
  return [...page.matchAll(BLOCK)].map(([, before = '', body = '']) => ({
    before: [...before.matchAll(/transcript: (.*?) -->/g)].map((m) => m[1] ?? ''),
    commands: body
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [line = '', ...answer] = part.split('\n');
        return { line, answer: answer.join('\n').trimEnd() };
      }),
  }));
}

/** The page with other answers, block by block in their order. */
export function withAnswers(page: string, answers: readonly (readonly string[])[]): string {
  let block = -1;
  return page.replace(BLOCK, (all: string, before: string) => {
    block += 1;
    const lines = transcriptsOf(all)[0]?.commands ?? [];
    const body = lines
      .map((c, i) => `$ ${c.line}\n${answers[block]?.[i] === '' ? '' : `${answers[block]?.[i]}\n`}`)
      .join('');
    return `${before}\`\`\`console\n${body}\`\`\`\n`;
  });
}

/** What differs from run to run and from machine to machine, in the words of the documentation. */
export function plain(text: string, home: string): string {
  return (
    text
      .replaceAll(`${home}/image`, '/srv/image')
      .replaceAll(`${home}/var/lib`, '/var/lib/rexray')
      .replaceAll(`${home}/var/run`, '/run/rexray')
      .replaceAll(`${home}/var/log`, '/var/log/rexray')
      .replaceAll(`${home}/etc`, '/etc/rexray')
      .replace(/@[0-9a-f]{12}\b/g, '@5f2a90c1b7de')
      .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '7d1f0b52-3c58-4f43-9a39-0c6c2f4b8e11')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z/g, '2026-01-31T09:30:00.000Z')
      .replace(/^\d\d:\d\d:\d\d\.\d{3}/gm, '09:30:00.000')
      .replace(/\/dev\/loop\d+/g, '/dev/loop0')
      .replace(/\b(PID |pid=)\d+/g, '$14242')
      .replace(/\b(ms=)[\d.]+/g, '$14.2')
      .replace(/\b(requestId=)\S+/g, '$17d1f0b52')
      .replace(/^(Binary:).*$/gm, '$1 /usr/bin/rexray')
      .replace(/^(Node: ).*$/gm, `$124.0.0`)
      .replace(/^(Node +ok +)\S+$/gm, '$124.0.0')
      .replace(/^(kernel +ok +)\S+$/gm, '$16.18.0')
      .replace(/^(ID {2}Device.*\n)\d+/gm, '$142')
      .replace(/allocatedBytes: \d+/g, 'allocatedBytes: 1126400')
      .replace(/^mount\.\w+ .*\n/gm, '')
      // What is said for the sake of an audit, beside the line of the verb.
      .replace(/^.* audit=\{.*\n?/gm, '')
      // What else is installed in the workspace.
      .replace(/^(?!docker|linux|lmdb|local-|rest)[a-z-]+ +(storage|frontend|layer|store|host) .*\n/gm, '')
      .trimEnd()
  );
}

/** Columns again where words of another length were put in; other lines stay. */
export function realigned(text: string): string {
  const rows = text.split('\n').map((l) => l.split(/ {2,}/));
  const columns = rows[0]?.length ?? 0;
  if (columns < 2 || !/^[A-Z]\w+( {2,}[A-Z]\w+)+$/.test(text.split('\n')[0] ?? '')) return text;
  const inTable = rows.map((r) => r.length <= columns && r.length > 1 && r[0] !== '');
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.filter((_r, k) => inTable[k]).map((r) => r[i]?.length ?? 0)),
  );
  return rows
    .map((r, k) =>
      inTable[k] ? r.map((c, i) => (i < r.length - 1 ? c.padEnd(widths[i] ?? 0) : c)).join('  ') : r.join('  '),
    )
    .join('\n');
}
