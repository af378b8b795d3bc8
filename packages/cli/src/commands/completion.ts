import { usage } from '../failure.ts';
import { knownFlag } from '../flags/known.ts';
import { type CommandRow, GLOBAL_FLAGS, GROUPS, ROWS } from '../table/index.ts';
import type { Plain } from '../table/row.ts';

/** What a shell needs to know: for each word or pair of words, what may follow. */
interface Words {
  /** `` (first word), `volume`, `volume ls` → words and flags that may come next. */
  readonly next: ReadonlyMap<string, readonly { readonly word: string; readonly about: string }[]>;
  /** Commands whose arguments are names of volumes. */
  readonly volumes: readonly string[];
  /** Flags that are followed by a value. */
  readonly valued: readonly string[];
}

export async function completion({ io }: Plain, shell: string): Promise<number> {
  const script = SHELLS[shell.toLowerCase()];
  if (script === undefined) throw usage(`"${shell}" is not a shell that is known.`, 'Write bash, zsh or fish.');
  io.out(script(wordsOf()));
  return 0;
}

const flagsOf = (r: Pick<CommandRow, 'flags'>): { word: string; about: string }[] =>
  (r.flags ?? []).filter((f) => f.hidden !== true).map((f) => ({ word: knownFlag(f).long, about: f.about }));

function wordsOf(): Words {
  const rows = ROWS.filter((r) => r.hidden !== true);
  const groups = GROUPS.filter((g) => g.hidden !== true);
  const global = flagsOf({ flags: GLOBAL_FLAGS });
  const next = new Map<string, { word: string; about: string }[]>();
  next.set('', [
    ...groups.map((g) => ({ word: g.name, about: g.about })),
    ...rows.filter((r) => !r.name.includes(' ')).map((r) => ({ word: r.name, about: r.about })),
    ...global,
  ]);
  for (const g of groups)
    next.set(
      g.name,
      rows
        .filter((r) => r.name.startsWith(`${g.name} `))
        .map((r) => ({ word: r.name.slice(g.name.length + 1), about: r.about })),
    );
  for (const r of rows) next.set(r.name, [...flagsOf(r), ...global]);
  const volumes = rows.filter((r) => /^volume (?!create|adopt|plan)/.test(r.name) || r.name === 'snapshot create');
  const valued = [...GLOBAL_FLAGS, ...rows.flatMap((r) => r.flags ?? [])].map(knownFlag).filter((f) => f.value);
  return {
    next,
    volumes: volumes.map((r) => r.name),
    valued: [...new Set(valued.flatMap((f) => [f.long, ...(f.short === undefined ? [] : [f.short])]))],
  };
}

const single = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const NAMES = `rexray -q volume ls --template '{{.Name}}' 2>/dev/null`;

function bash(w: Words): string {
  const cases = [...w.next].map(
    ([at, words]) => `    ${single(at)}) words=${single(words.map((x) => x.word).join(' '))} ;;`,
  );
  return `# bash completion of rexray: source <(rexray completion bash)
_rexray() {
  local cur=\${COMP_WORDS[COMP_CWORD]} at= words= i w skip=
  for ((i = 1; i < COMP_CWORD; i++)); do
    w=\${COMP_WORDS[i]}
    if [[ -n $skip ]]; then skip=; continue; fi
    case $w in
      ${w.valued.join('|')}) skip=1 ;;
      -*) ;;
      *) case $at in
        '') at=$w ;;
        ${[...w.next.keys()].filter((k) => k !== '' && !k.includes(' ') && [...w.next.keys()].some((x) => x.startsWith(`${k} `))).join('|')}) at="$at $w" ;;
      esac ;;
    esac
  done
  case $at in
${cases.join('\n')}
  esac
  case "$at:$cur" in
    *:-*) ;;
    ${w.volumes.map((v) => `${single(v)}:*`).join('|')}) words="$words $(${NAMES})" ;;
  esac
  [[ $cur == -* ]] || words=$(printf '%s\\n' $words | grep -v '^-')
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _rexray rexray
`;
}

function zsh(w: Words): string {
  const item = ({ word, about }: { word: string; about: string }): string =>
    single(`${word.replaceAll(':', '\\:')}:${about.replaceAll(':', '\\:')}`);
  const cases = [...w.next].map(([at, words]) => `    ${single(at)}) all=(${words.map(item).join(' ')}) ;;`);
  const groups = [...w.next.keys()].filter((k) => k !== '' && [...w.next.keys()].some((x) => x.startsWith(`${k} `)));
  return `#compdef rexray
# zsh completion of rexray: source <(rexray completion zsh)
_rexray() {
  local at= skip= w
  local -a all shown
  for w in \${words[2,CURRENT-1]}; do
    if [[ -n $skip ]]; then skip=; continue; fi
    case $w in
      (${w.valued.join('|')}) skip=1 ;;
      (-*) ;;
      (*) case $at in
        ('') at=$w ;;
        (${groups.join('|')}) at="$at $w" ;;
      esac ;;
    esac
  done
  case $at in
${cases.join('\n').replaceAll(/^ {4}'/gm, "    ('")}
  esac
  if [[ $PREFIX == -* ]]; then shown=(\${(M)all:#-*}); else shown=(\${all:#-*}); fi
  case $at in
    (${w.volumes.map(single).join('|')}) [[ $PREFIX == -* ]] || shown+=(\${(f)"$(${NAMES})"}) ;;
  esac
  _describe 'rexray' shown
}
if [[ \${zsh_eval_context[-1]} == loadautofunc ]]; then _rexray "$@"; else compdef _rexray rexray; fi
`;
}

function fish(w: Words): string {
  const lines: string[] = [];
  const q = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
  for (const [at, words] of w.next) {
    for (const { word, about } of words) {
      const what = word.startsWith('--')
        ? `-l ${word.slice(2)}${w.valued.includes(word) ? ' -x' : ''}`
        : `-f -a ${q(word)}`;
      lines.push(`complete -c rexray -n ${q(`__rexray_at ${q(at)}`)} ${what} -d ${q(about)}`);
    }
  }
  for (const v of w.volumes) lines.push(`complete -c rexray -n ${q(`__rexray_at ${q(v)}`)} -f -a ${q(`(${NAMES})`)}`);
  const groups = [...w.next.keys()].filter((k) => k !== '' && [...w.next.keys()].some((x) => x.startsWith(`${k} `)));
  return `# fish completion of rexray: rexray completion fish | source
function __rexray_at
  set -l at ''
  set -l skip
  for w in (commandline -opc)[2..-1]
    if test -n "$skip"; set skip; continue; end
    if contains -- $w ${w.valued.join(' ')}; set skip 1; continue; end
    if string match -q -- '-*' $w; continue; end
    if test -z "$at"; set at $w
    else if contains -- $at ${groups.join(' ')}; set at "$at $w"; end
  end
  test "$at" = "$argv[1]"
end
complete -c rexray -f
${lines.join('\n')}
`;
}

const SHELLS: Readonly<Record<string, (w: Words) => string>> = { bash, zsh, fish };
