import { ProaError } from '#common/errors.ts';
import { defineCommand } from '../command.ts';
import { candidates } from '../completion.ts';

/** Each asks `completion words`, which knows the table of commands, for what may follow. */
const scripts: Record<string, string> = {
  bash: `_proa() {
  local candidates
  mapfile -t candidates < <(proa completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [ "\${candidates[0]}" = :file ]; then
    compopt -o default
    COMPREPLY=()
  else
    COMPREPLY=("\${candidates[@]}")
  fi
}
complete -F _proa proa
`,
  zsh: `#compdef proa
_proa() {
  local -a candidates
  candidates=("\${(@f)$(proa completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [ "\${candidates[1]}" = :file ]; then
    _files
  else
    compadd -- "\${candidates[@]}"
  fi
}
compdef _proa proa
`,
  fish: `function __proa_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l candidates (proa completion words -- $words[2..] 2>/dev/null)
  if test "$candidates[1]" = :file
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $candidates
  end
end
complete -c proa -f -a '(__proa_complete)'
`,
};

export const command = defineCommand({
  usage: 'bash|zsh|fish',
  summary: 'Print a script that lets a shell complete commands',
  options: {},
  least: 1,
  subject: 'nothing',

  async run(session, { words: [shell = '', ...line] }) {
    if (shell === 'words') {
      // A key that was pressed is no reason to start an engine.
      session.startsEngine = false;
      session.print((await candidates(session, line)).map((word) => `${word}\n`).join(''));
      return 0;
    }
    const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
    if (script === undefined)
      throw new ProaError(`there is no completion for "${shell}", only for bash, zsh and fish`, { kind: 'invalid' });
    session.print(script);
    return 0;
  },
});
