import { FLAGS, OTHERS, usage, VERBS } from './command-line.ts';
import { PLACES_ENV } from './plugin/places.ts';

const rows = (of: Readonly<Record<string, { readonly says: string }>>, left: (name: string) => string): string =>
  Object.entries(of)
    .map(([name, { says }]) => `  ${left(name).padEnd(25)} ${says}\n`)
    .join('');

const flag = (name: string): string => {
  const takes = FLAGS[name as keyof typeof FLAGS].takes;
  return `--${name}${takes === undefined ? '' : `=${takes}`}`;
};

export const help = (): string =>
  `Volumes of containers, through any Docker volume plugin, the REX-Ray daemon, or in this process.

  dvdcli COMMAND [--volumedriver=NAME] [--volumename=NAME] [--volumeopts=KEY=VALUE]…
  dvdcli [COMMAND] [FLAGS] -     one operation a line from standard input

Commands
${rows(VERBS, (n) => n)}${rows(Object.fromEntries(Object.entries(OTHERS).map(([n, says]) => [n, { says }])), (n) => n)}
Flags, in any place and either case
${rows(FLAGS, flag)}
Exit status: 0 done · 1 failed · 2 bad arguments · 3 no such volume or driver.
Plugins are looked for in /run/docker/plugins, /etc/docker/plugins, /usr/lib/docker/plugins and among Docker's managed plugins;
${Object.values(PLACES_ENV).join(', ')} name other directories.
`;

const words = (): string => [...Object.keys(VERBS), ...Object.keys(OTHERS)].join(' ');
const flags = (): string =>
  Object.keys(FLAGS)
    .map((f) => (FLAGS[f as keyof typeof FLAGS].takes === undefined ? `--${f}` : `--${f}=`))
    .join(' ');
const NAMED = Object.entries(VERBS)
  .filter(([, v]) => v.named)
  .map(([n]) => n)
  .join('|');

const SCRIPTS: Readonly<Record<string, () => string>> = {
  bash: () => `# dvdcli completion bash > /etc/bash_completion.d/dvdcli
_dvdcli() {
  local word="\${COMP_WORDS[COMP_CWORD]}" driver="" named='--volumedriver[= ]([^ ]+)'
  COMPREPLY=()
  # The words are split at "=".
  if [[ "$COMP_LINE" =~ $named ]]; then driver="--volumedriver=\${BASH_REMATCH[1]}"; fi
  if [ "$word" = "=" ]; then word=""; fi
  case "$word" in
    -*) compopt -o nospace; COMPREPLY=($(compgen -W "${flags()}" -- "$word")) ;;
    *) if [ "$COMP_CWORD" = 1 ]; then COMPREPLY=($(compgen -W "${words()}" -- "$word"))
       else case "\${COMP_WORDS[1]}" in ${NAMED}) COMPREPLY=($(compgen -W "$(dvdcli list $driver --timeout=3s 2>/dev/null)" -- "$word")) ;; esac; fi ;;
  esac
}
complete -F _dvdcli dvdcli
`,
  zsh: () => `#compdef dvdcli
# dvdcli completion zsh > "\${fpath[1]}/_dvdcli"
_dvdcli() {
  if (( CURRENT == 2 )); then compadd ${words()}
  elif [[ $words[CURRENT] == -* ]]; then compadd -S '' -- ${flags()}
  elif [[ $words[2] == (${NAMED}) ]]; then compadd -- \${(f)"$(dvdcli list \${(M)words:#--volumedriver=*} --timeout=3s 2>/dev/null)"}; fi
}
compdef _dvdcli dvdcli
`,
  fish: () =>
    `# dvdcli completion fish > ~/.config/fish/completions/dvdcli.fish
complete -c dvdcli -f
complete -c dvdcli -n __fish_use_subcommand -a "${words()}"
complete -c dvdcli -n "__fish_seen_subcommand_from ${NAMED.replaceAll('|', ' ')}" -a "(dvdcli list (commandline -opc | string match -- '--volumedriver=*') --timeout=3s 2>/dev/null)"
${Object.entries(FLAGS)
  .map(
    ([name, { takes, says }]) =>
      `complete -c dvdcli -l ${name}${takes === undefined ? '' : ' -r'} -d ${JSON.stringify(says)}`,
  )
  .join('\n')}
`,
};

/** @throws VolumeError `invalid` for a shell that it does not know */
export function completion(shell: string | undefined): string {
  const make = shell !== undefined && Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (make === undefined)
    throw usage(
      shell === undefined ? 'completion needs the name of a shell.' : `There is no completion for "${shell}".`,
      `Shells: ${Object.keys(SCRIPTS).join(', ')}.`,
    );
  return make();
}
