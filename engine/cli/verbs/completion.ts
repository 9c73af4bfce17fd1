import { bashScript, fishScript, zshScript, type CompletionTree } from '../render/completion.ts';
import { GLOBAL_FLAGS } from '../settings.ts';
import { defineVerb, toOption, word, type Flag, type Verb } from '../verb.ts';
import { FleetError } from '../../errors.ts';

const SCRIPTS: Readonly<Record<string, (tree: CompletionTree) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export const completion = defineVerb({
  path: 'completion',
  summary: 'Print a completion script for a shell',
  examples: [
    ['source <(spl completion bash)', 'complete in this bash'],
    ['spl completion zsh > "${fpath[1]}/_spl"', 'complete in every zsh'],
    ['spl completion fish > ~/.config/fish/completions/spl.fish', 'complete in every fish'],
  ],
  positionals: {
    shell: word('shell', 'Shell: bash, zsh or fish'),
  },
  flags: {},
  async run(context, { shell }) {
    const script = SCRIPTS[shell];
    if (script === undefined) {
      throw new FleetError('USAGE', `there is no completion for shell '${shell}'`, {
        hint: 'Use bash, zsh or fish.',
      });
    }
    const tree = treeOf(await context.verbs());
    context.print({ shell, script: script(tree) }, () => script(tree).trimEnd().split('\n'));
  },
});

/** The data of the completion scripts: every visible command with its options and arguments. */
export function treeOf(verbs: readonly Verb[]): CompletionTree {
  return {
    verbs: verbs
      .filter(({ hidden }) => hidden !== true)
      .map(({ path, summary, flags, positionals }) => ({
        path: path.split(' '),
        summary,
        options: [...Object.values(flags), ...GLOBAL_FLAGS].map(optionOf),
        words: Object.values(positionals).map(({ names }) => names ?? null),
      })),
  };
}

function optionOf(flag: Flag<unknown>): CompletionTree['verbs'][number]['options'][number] {
  const option = toOption(flag);
  return {
    name: option.long ?? option.flags,
    summary: flag.summary,
    takesValue: option.required,
    values: flag.choices ?? [],
    names: flag.names ?? null,
  };
}
