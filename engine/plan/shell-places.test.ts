import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { misplacedPlaceholders } from './shell-places.ts';

const X = '${{ matrix.x }}';

describe('a placeholder of a command line', () => {
  for (const command of [
    X,
    `x${X}y`,
    `echo 'q' ${X}`,
    `echo "q"${X}'q'`,
    `echo \\" ${X}`,
    `echo \\\\${X}`,
    `a#b ${X}`,
    `a && ${X}; b`,
    `(cd a && ${X})`,
    `x=$(date) && echo ${X}`,
    `echo $(echo ${X})`,
    `echo "$(echo ${X}) it's"`,
    `echo "\${HOME}" \${HOME:-"a b"} ${X}`,
    'echo `date` ' + X,
    `echo $((1 + (2 * 3))) ${X}`,
    `cat <<END && echo ${X}\nit's $( "\nEND\necho ${X}`,
    `cat <<-'E ND' >f\n\tit's\n\tE ND\necho ${X}`,
    `cat <<<'a' ${X}\necho ${X}`,
    `case a in b) echo ${X};; esac`,
    `# don't ${X}\necho ${X}`,
    `echo $ ${X}`,
  ])
    it(`may stand in ${JSON.stringify(command)}`, () => {
      assert.deepEqual(misplacedPlaceholders(command), []);
    });

  for (const [command, obstacle] of [
    [`"${X}"`, 'double quotes'],
    [`"a\\"${X}"`, 'double quotes'],
    [`echo "$(date)${X}"`, 'double quotes'],
    [`'${X}'`, 'single quotes'],
    [`'never closed ${X}`, 'single quotes'],
    [`echo \\${X}`, 'a backslash'],
    [`echo "\\${X}"`, 'a backslash'],
    [`echo $${X}`, 'a dollar'],
    [`\`echo ${X}\``, 'backquotes'],
    [`"\`echo ${X}\`"`, 'backquotes'],
    [`\${x:-${X}}`, 'an expansion'],
    [`echo $((1 + ${X}))`, 'arithmetic'],
    [`echo $((1 + (${X})))`, 'arithmetic'],
    [`((${X} > 1))`, 'arithmetic'],
    [`cat <<END\n${X}\nEND`, 'a here-document'],
    [`cat <<'END' <<-TWO\na\nEND\n\t${X}\n\tTWO`, 'a here-document'],
    [`x=$(cat <<END\n${X}\nEND\n)`, 'a here-document'],
  ] as const)
    it(`is in ${obstacle}, or after it, in ${JSON.stringify(command)}`, () => {
      const found = misplacedPlaceholders(command).map(each => [
        command.slice(each.start, each.end),
        each.obstacle,
      ]);
      assert.deepEqual(found, [[X, obstacle]]);
    });

  it('is found after quoted text, however the quotes nest', () => {
    const command = `echo "a $(echo 'b' "c $(echo ${X}) ${X}") d" '${X}' ${X}`;
    assert.deepEqual(
      misplacedPlaceholders(command).map(({ obstacle }) => obstacle),
      ['double quotes', 'single quotes'],
    );
  });
});
