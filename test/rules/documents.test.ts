import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { before, describe, it } from 'mocha';
import { catalogue } from '../../engine/cli/catalogue.ts';
import { EXIT } from '../../engine/cli/exit-codes.ts';
import { allVerbs } from '../../engine/cli/program.ts';
import { GLOBAL_FLAGS } from '../../engine/cli/settings.ts';
import { toOption, type Verb } from '../../engine/cli/verb.ts';
import { TASK_ACTIONS } from '../../engine/contract/commands.ts';
import { SCOPES } from '../../engine/contract/tokens.ts';
import { TOPIC } from '../../engine/domain/model/record-bodies.ts';
import { allowedIn, REOPENED, TASK } from '../../engine/domain/model/task-status.ts';
import { parseConfig } from '../../engine/home/config.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { loadOperations } from '../../engine/operations/index.ts';
import { PLAN_KEYS, SUBTASK_KEYS } from '../../engine/plan/plan-keys.ts';
import { INVARIANTS } from '../simulation/invariants.ts';
import { blocksIn, codesIn, headings, linksIn, sectionOf, tableIn, tableOf, type Code } from './markdown.ts';
import { INDEX, PAGES } from './pages.ts';

/**
 * Checks the documents against the code: everything that they name exists, and their tables are equal to those of the
 * code.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DECISIONS = 'engine/decisions';
const decisions = namesIn(DECISIONS).filter(name => /^\d{4}-.*\.md$/.test(name));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const sources = filesUnder(['engine', 'extension', 'webview', 'test', 'docs']);
/** The pages of invariants. Each is next to the part that it binds. */
const INVARIANTS_OF = sources.filter(path => basename(path) === 'INVARIANTS.md').sort();
/** All pages except those in the folders of workspaces for tests. */
const DOCUMENTS = [
  ...namesIn('.').filter(name => name.endsWith('.md')),
  ...sources.filter(path => path.endsWith('.md') && !path.startsWith('test/workspaces/')),
].sort();
/** Compares the table of a page with this head. Writes the table if the environment says so. */
function holdTable(page: string, head: string, wanted: string): void {
  const text = read(page);
  const [table] = new RegExp(`^\\| ${head} [^]*?(?=\\n\\n)`, 'm').exec(text)!;
  if (process.env['UPDATE_GOLDEN'] === '1')
    writeFileSync(
      join(ROOT, page),
      text.replace(table, () => wanted),
    );
  else assert.equal(table, wanted, 'write it anew with UPDATE_GOLDEN=1');
}
const architecture = read('engine/ARCHITECTURE.md');
const protocols = read('engine/PROTOCOLS.md');

describe('the documents', () => {
  for (const document of DOCUMENTS) {
    describe(document, () => {
      const text = read(document);

      it('links to what is there', () => {
        for (const { path, anchor } of linksIn(text)) {
          const target = path === '' ? document : relative(ROOT, resolve(ROOT, dirname(document), path));
          assert.ok(existsSync(join(ROOT, target)), `${document} links to '${path}', which is not there`);
          if (anchor === '') continue;
          assert.ok(headings(read(target)).includes(anchor), `'${target}' has no heading '#${anchor}'`);
        }
      });

      it('names files and folders that exist', () => {
        for (const { text: code } of codesIn(text)) {
          for (const path of pathsIn(code))
            assert.ok(exists(path), `${document} names '${path}', which is not there`);
        }
      });

      it('names npm scripts that exist', () => {
        const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
        for (const { text: code } of codesIn(text)) {
          for (const [command, run, short] of code.matchAll(
            /\bnpm (?:run (?:--silent )?([\w:-]+)|(start|test)\b)/g,
          ))
            assert.ok(Object.hasOwn(scripts, run ?? short!), `${document} names '${command}'`);
        }
      });
    });
  }

  describe('name commands of spl', () => {
    let verbs: readonly Verb[];
    before(async () => {
      verbs = await allVerbs();
    });

    for (const document of DOCUMENTS) {
      it(`that exist, with options that they have: ${document}`, () => {
        for (const code of codesIn(read(document)))
          for (const line of commandsIn(code)) checkCommand(line, verbs, document);
      });
    }
  });

  describe('have the tables of the code', () => {
    it('the exit codes', () => {
      const rows = tableIn(sectionOf(read('docs/cli.md'), 'Exit codes'));
      const codes = rows.map(([code]) => Number(code));
      assert.deepEqual(
        codes,
        Object.values(EXIT).sort((a, b) => a - b),
      );
    });

    it('the commands', () => {
      const rows = catalogue
        .filter(({ hidden }) => hidden !== true)
        .map(({ path, summary }) => [`\`spl ${path}\``, summary]);
      holdTable('docs/cli.md', 'command', tableOf(['command', 'purpose'], rows));
    });

    for (const [head, rows] of [
      ['key of the plan', PLAN_KEYS],
      ['key of a subtask', SUBTASK_KEYS],
    ] as const)
      it(`each ${head}`, () => {
        const wanted = tableOf(
          [head, 'meaning'],
          Array.from(rows.values(), ({ key, summary }) => [`\`${key}\``, summary]),
        );
        holdTable('docs/plans.md', head, wanted);
      });

    it('the operations, as routes of HTTP with their scopes', async () => {
      const page = read('docs/api.md');
      const [table] = /^\| route [^]*?(?=\n\n|\n(?![^]))/m.exec(page)!;
      const rows = [...(await loadOperations()).all]
        .sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)))
        .map(({ method, path, scope, about }) => [`\`${method} ${path}\``, scope ?? 'none', about]);
      const wanted = tableOf(['route', 'scope', 'meaning'], rows);
      if (process.env['UPDATE_GOLDEN'] === '1')
        writeFileSync(
          join(ROOT, 'docs/api.md'),
          page.replace(table, () => wanted),
        );
      else assert.equal(table, wanted, 'write it anew with UPDATE_GOLDEN=1');
    });

    it('the settings of the editor', () => {
      const { contributes } = JSON.parse(read('package.json')) as {
        contributes: { configuration: { properties: object } };
      };
      const drawn = tableIn(sectionOf(read('docs/editor.md'), 'Settings')).map(([name]) =>
        name!.replaceAll('`', ''),
      );
      assert.deepEqual(drawn.sort(), Object.keys(contributes.configuration.properties).sort());
    });

    it('the settings', () => {
      const blocks = PAGES.flatMap(page => blocksIn(read(page)).filter(({ file }) => file === 'config.toml'));
      assert.equal(blocks.length, 2);
      for (const { text } of blocks) assert.deepEqual(parseConfig(text, 'config.toml').warnings, []);
    });

    it('the rooms and what they may import', async () => {
      const config = (await import(new URL('../../eslint.config.mjs', import.meta.url).href)) as {
        rooms: Record<string, string[]>;
      };
      const rows = tableIn(sectionOf(architecture, 'Code map')).filter(
        ([room]) => room!.startsWith('`engine/') && room !== '`engine/bin`',
      );
      const drawn = rows.map(([room, , allowed]) => [
        room!.replace(/`engine\/(.*)`/, '$1'),
        allowed === 'nothing' ? [] : allowed!.split(', ').sort(),
      ]);
      const held = Object.entries(config.rooms).map(([room, allowed]): [string, string[]] => [
        room,
        [...allowed].sort(),
      ]);
      assert.deepEqual(Object.fromEntries(drawn), Object.fromEntries(held));
    });

    it('the modules of the rules', async () => {
      const { modules } = (await import(new URL('../../eslint.config.mjs', import.meta.url).href)) as {
        modules: Record<string, string[]>;
      };
      const drawn = tableIn(sectionOf(architecture, 'Code map'))
        .map(([module]) => module!.replaceAll('`', ''))
        .filter(module => module.startsWith('domain/'));
      const held = Object.keys(modules).map(module => `domain/${module}`);
      assert.deepEqual(drawn.sort(), held.sort());
    });

    it('the rooms beside the engine, and what they may import of it', async () => {
      const config = (await import(new URL('../../eslint.config.mjs', import.meta.url).href)) as {
        neighbours: Record<string, string[]>;
      };
      const rows = tableIn(sectionOf(architecture, 'The extension')).filter(row => row.length === 4);
      const drawn = rows.map(([room, , allowed]) => [
        room!.replaceAll('`', ''),
        [...allowed!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
      ]);
      assert.deepEqual(Object.fromEntries([...drawn, ['engine', []]]), config.neighbours);
    });

    it('every folder of the engine', () => {
      const drawn = tableIn(sectionOf(architecture, 'Code map'))
        .map(([room]) => room!.replaceAll('`', ''))
        .filter(room => room.startsWith('engine/'));
      const folders = ROOMS.filter(name => name !== 'decisions').map(name => `engine/${name}`);
      assert.deepEqual(drawn.sort(), folders.sort());
    });

    it('the topics of records', () => {
      const drawn = tableIn(sectionOf(protocols, 'Topics')).map(([topic]) => topic!.replaceAll('`', ''));
      assert.deepEqual(drawn.sort(), Object.values(TOPIC).sort());
    });

    it('the messages of the link', () => {
      const drawn = tableIn(sectionOf(protocols, 'The link')).map(([type]) => type!.replaceAll('`', ''));
      const types = [...textExporting('ToWorker').matchAll(/readonly type: '(\w+)'/g)].map(
        ([, type]) => type!,
      );
      assert.deepEqual(drawn.filter(type => !type.startsWith('to the ')).sort(), types.sort());
    });

    it('the bounds, with the values of the constants that set them', () => {
      const rows = tableIn(sectionOf(protocols, 'Bounds'));
      let checked = 0;
      for (const [what, bound, constants] of rows)
        for (const { path, names } of placesIn(constants!))
          for (const name of names) {
            const value = constantIn(read(path), name);
            assert.ok(value !== undefined, `bounds: '${path}' sets no '${name}'`);
            assert.ok(
              spellings(value).some(text => bound!.includes(text)),
              `bounds: '${what}' says '${bound}', and ${name} is ${value}`,
            );
            checked++;
          }
      assert.ok(checked >= 30, `only ${checked} constants`);
    });

    it('the commands that change the status of a task', () => {
      const drawn = tableIn(sectionOf(read('docs/tasks.md'), 'Tasks that people work on')).map(
        ([verb, from, to]) => [
          verb!.replaceAll('`', ''),
          from!.split(', ').sort(),
          to!.split(/[:;,(]/)[0]!.trim(),
        ],
      );
      const statuses = Object.keys(TASK) as (keyof typeof TASK)[];
      const held = TASK_ACTIONS.map(verb => {
        const from = statuses.filter(status => allowedIn(status).includes(verb)).sort();
        const [to] = new Set(from.map(status => TASK[status][verb]));
        return [verb, from, to === REOPENED ? 'active or inbox' : to];
      });
      assert.deepEqual(drawn.sort(), held.sort());
    });

    it('each word of the glossary once', () => {
      const words = tableIn(read('engine/GLOSSARY.md')).map(([word]) => word);
      assert.deepEqual(words.toSorted(), [...new Set(words)].toSorted());
    });

    it('the scopes of tokens', () => {
      const drawn = tableIn(sectionOf(read('docs/api.md'), 'Tokens')).map(([scope]) =>
        scope!.replaceAll('`', ''),
      );
      assert.deepEqual(drawn, [...SCOPES]);
    });

    it('the files of a home', () => {
      const known = Object.values<string>({ ...homePaths('/') }).map(path => path.slice(1));
      const rows = tableIn(sectionOf(read('docs/homes-and-backup.md'), 'Files of a home'));
      assert.ok(rows.length > 0);
      for (const [path] of rows) assert.ok(known.includes(path!.replace(/^`(.*?)\/?`$/, '$1')), path);
    });

    it('the folders of the extension', () => {
      const drawn = tableIn(sectionOf(architecture, 'The extension'))
        .map(([folder]) => folder!.replaceAll('`', ''))
        .filter(folder => folder.startsWith('extension/'));
      const folders = readdirSync(join(ROOT, 'extension'), { withFileTypes: true })
        .filter(entry => entry.isDirectory() && entry.name !== 'testing')
        .map(({ name }) => `extension/${name}`);
      assert.deepEqual(drawn.sort(), folders.sort());
    });

    it('the codes of errors', () => {
      const union = /export type ErrorCode =([^;]*);/.exec(textExporting('ErrorCode'))![1]!;
      const text = read(`${DECISIONS}/${decisions.find(name => name.endsWith('-error-codes.md'))}`);
      for (const [, code] of union.matchAll(/'(\w+)'/g))
        assert.ok(text.includes(`\`${code}\``), `not named: ${code}`);
    });
  });

  describe('make promises about security', () => {
    for (const [promise, enforced, test] of tableIn(sectionOf(read('docs/security.md'), 'Promises')))
      it(`with a file that enforces it, and a test that is there: ${promise}`, () => {
        assert.ok(statSync(join(ROOT, enforced!.replaceAll('`', ''))).isFile());
        const [, file, title] = /^`([^`]+)`: (.+)$/.exec(test!)!;
        assert.ok(read(file!).includes(title!), `'${file}' has no test '${title}'`);
      });
  });

  describe('number the invariants', () => {
    const stated = INVARIANTS_OF.flatMap(page => invariantsIn(read(page)));
    const tests = sources.filter(
      path => /\.test\.ts$|^test\/.*\.(?:ts|txt)$/.test(path) && basename(path) !== 'documents.test.ts',
    );

    for (const page of INVARIANTS_OF)
      it(`rising: ${page}`, () => {
        const text = read(page);
        const numbers = invariantsIn(text).map(({ id }) => Number(id.slice(1)));
        assert.equal(
          numbers.length,
          text.match(/^\*\*I\d+\*\* /gm)?.length,
          'one is not written as the others are',
        );
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
        );
      });

    it('each once', () => assert.equal(new Set(stated.map(({ id }) => id)).size, stated.length));

    it('with the same text as in the simulation, if it checks them', () => {
      const words = Object.fromEntries(
        stated.filter(({ id }) => Object.hasOwn(INVARIANTS, id)).map(({ id, statement }) => [id, statement]),
      );
      assert.deepEqual(words, { ...INVARIANTS });
    });

    it('and name the places that enforce each, which exist', () => {
      for (const { id, places } of stated) {
        assert.ok(places.length > 0, `${id} is enforced nowhere`);
        for (const { path, names } of places) {
          const source = read(path);
          for (const name of names) assert.ok(source.includes(name), `${id}: '${path}' has no '${name}'`);
        }
      }
    });

    it('that tests cite, and no others', () => {
      const known = new Set(stated.map(({ id }) => id));
      for (const path of tests)
        for (const [id] of read(path).matchAll(/\bI\d{1,3}\b/g))
          assert.ok(known.has(id), `'${path}' cites ${id}`);
    });

    it('each of which a test cites', () => {
      const cited = new Set(
        tests
          .filter(path => basename(path) !== 'invariants.ts')
          .flatMap(path => [...read(path).matchAll(/\bI\d{1,3}\b/g)].map(([id]) => id)),
      );
      assert.deepEqual(
        stated.map(({ id }) => id).filter(id => !cited.has(id)),
        [],
        'cited by no test',
      );
    });
  });

  describe('list the decisions', () => {
    it('every one once, below the module that it binds', () => {
      const page = read(`${DECISIONS}/README.md`);
      const [head] = page.split(`## ${INDEX_OF_DECISIONS}`);
      const wanted = `${head}## ${INDEX_OF_DECISIONS}\n\n${decisionIndex()}`;
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(ROOT, DECISIONS, 'README.md'), wanted);
      else assert.equal(page, wanted, 'write it anew with UPDATE_GOLDEN=1');
    });

    it('each with a number of its own, and none that was retired', () => {
      const [, retired] = /^Retired: (.*)$/m.exec(read(`${DECISIONS}/README.md`))!;
      const gone = [...retired!.matchAll(/(?<!\[)\b\d+\b(?=,)/g)].map(([number]) => Number(number));
      const all = [...decisions.map(name => Number(name.slice(0, 4))), ...gone];
      assert.ok(gone.length > 0);
      assert.equal(new Set(all).size, all.length);
    });

    for (const name of decisions) {
      it(`with context, decision, what was rejected, and consequences: ${name}`, () => {
        const found = headings(read(`${DECISIONS}/${name}`));
        for (const heading of ['context', 'decision', 'rejected', 'consequences'])
          assert.ok(found.includes(heading), `'${name}' has no '${heading}'`);
      });
    }
  });

  describe('for users', () => {
    it('are all of docs', () => {
      const files = namesIn('docs').map(name => `docs/${name}`);
      assert.deepEqual(files.sort(), [...PAGES.filter(page => page !== 'README.md'), INDEX].sort());
    });

    for (const [from, folder] of [
      ['README.md', '.'],
      [INDEX, 'docs'],
    ] as const) {
      it(`are each linked from ${from}`, () => {
        const linked = linksIn(read(from)).map(({ path }) => join(folder, path));
        for (const page of PAGES) assert.ok(page === 'README.md' || linked.includes(page), page);
      });
    }

    // Links must work inside the package, which has no other files.
    for (const page of ['MARKETPLACE.md', ...PAGES.filter(page => page !== 'README.md'), INDEX]) {
      it(`link only to what is packaged with them: ${page}`, () => {
        const kept = read('.vscodeignore')
          .split('\n')
          .filter(line => line.startsWith('!'))
          .map(line => line.slice(1));
        const isKept = (path: string): boolean =>
          kept.some(one => (one.endsWith('/**') ? path.startsWith(one.slice(0, -2)) : path === one));
        for (const path of linksIn(read(page)).map(link => join(dirname(page), link.path)))
          assert.ok(path === dirname(page) || isKept(path), `'${path}' is not packaged`);
      });
    }

    it('start with a short one, which names the two commands', () => {
      const text = read('README.md');
      assert.ok(text.trimEnd().split('\n').length <= 200);
      const blocks = blocksIn(text).map(block => block.text.trim());
      assert.ok(blocks.includes('npm start') && blocks.includes('npm test'));
    });
  });

  it('in .vscode run what is there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const { tasks } = JSON.parse(read('.vscode/tasks.json')) as { tasks: { script: string }[] };
    for (const { script } of tasks) assert.ok(Object.hasOwn(scripts, script), `no script '${script}'`);
    const { configurations } = JSON.parse(read('.vscode/launch.json')) as {
      configurations: { program?: string; runtimeArgs?: string[] }[];
    };
    for (const { program, runtimeArgs = [] } of configurations) {
      for (const text of [program ?? '', ...runtimeArgs]) {
        const [, path] = /\$\{workspaceFolder\}\/(.*)$/.exec(text) ?? [];
        if (path !== undefined) assert.ok(exists(path), `'${path}' is not there`);
      }
    }
  });
});

// --- what stands in code -----------------------------------------------------------------------------------------

const ROOMS = namesIn('engine').filter(name => statSync(join(ROOT, 'engine', name)).isDirectory());

/** Returns the paths of this repository in a piece of code, without built files and files of a home. */
function pathsIn(code: string): string[] {
  if (/\s/.test(code)) return [];
  const path = code.replace(/\/$/, '');
  if (/^(?:engine|test|docs|\.vscode|\.ci)(?:\/[\w.-]+)*$/.test(path)) return [path];
  if (path.endsWith('.ts') && ROOMS.some(room => path.startsWith(`${room}/`))) return [`engine/${path}`];
  return /^[\w.-]+\.(?:ts|mjs|json)$/.test(path) ? [path] : [];
}

/** Returns true for an existing path from the root, or the name of an existing file. */
function exists(path: string): boolean {
  return (
    existsSync(join(ROOT, path)) ||
    NOT_OF_THE_REPOSITORY.has(path) ||
    sources.some(each => basename(each) === path)
  );
}

/** Names of files in a home, or in any project. */
const NOT_OF_THE_REPOSITORY = new Set([
  'home.json',
  'editor.json',
  'tokens.json',
  'tasks.json',
  'x.ts',
  'x.test.ts',
]);

function namesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder));
}

/** Returns the text of the source that exports this name. */
function textExporting(name: string): string {
  const exported = new RegExp(`^export (?:type|interface|const|function|class) ${name}\\b`, 'm');
  const found = sources
    .filter(path => path.endsWith('.ts'))
    .map(read)
    .filter(text => exported.test(text));
  assert.equal(found.length, 1, `${found.length} sources export '${name}'`);
  return found[0]!;
}

function filesUnder(folders: readonly string[]): string[] {
  return folders.flatMap(folder =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => relative(ROOT, join(entry.parentPath, entry.name)))
      .filter(path => !path.includes('node_modules')),
  );
}

/** Returns the `spl` command lines in a piece of code: typed lines in a block, or a whole inline piece. */
function commandsIn({ text, language }: Code): string[] {
  if (language === null) return text.startsWith('spl ') ? [text] : [];
  if (language !== 'console') return [];
  return text
    .split('\n')
    .filter(line => line.startsWith('$ '))
    .map(line => line.slice(2))
    .filter(line => line.startsWith('spl '));
}

/** Matches words before which pages leave out `run`: a quoted command, a script, a plan, or an option that says it. */
const IMPLIES_RUN = /^(?:-j\S+ )?(?:['"]|-e |--agent |(?:lint|types|test|build)\b|\S+\.fanout\.yaml)/;

function checkCommand(line: string, verbs: readonly Verb[], document: string): void {
  const words = wordsOf(line).slice(1);
  const names = words.filter(word => !word.startsWith('-'));
  const verb =
    verbs.find(({ path }) => path === names.slice(0, 2).join(' ')) ??
    verbs.find(({ path }) => path === (IMPLIES_RUN.test(words.join(' ')) ? 'run' : names[0]));
  if (verb === undefined) {
    // A group may be named alone. A verb of a later version is not a fault of the document.
    const isKnown = catalogue.some(
      ({ path }) => path === names.slice(0, 2).join(' ') || path.split(' ')[0] === names[0],
    );
    assert.ok(isKnown || names[0] === '…', `${document}: '${line}' is no command`);
    return;
  }
  const flags = [...Object.values(verb.flags), ...GLOBAL_FLAGS].map(flag => toOption(flag).long);
  for (const word of words) {
    if (word.startsWith('--'))
      assert.ok([...flags, '--help'].includes(word), `${document}: '${line}' has no ${word}`);
  }
}

/** Splits a command line into words as a shell does. A quoted word is never an option. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'[^']*'|"(?:[^"\\]|\\.)*"|\S+/g)].map(([word]) => word);
}

const INDEX_OF_DECISIONS = 'By module';

/** Returns the list of decisions, below a heading for each module. */
function decisionIndex(): string {
  const rows = decisions.map(name => {
    const head = /^# (\d+)\. (.*)\n\nModule: `([^`]+)`\n/.exec(read(`${DECISIONS}/${name}`));
    assert.ok(head, `'${name}' has no title with a number, or no module below it`);
    const [, number, title, module] = head;
    assert.equal(Number(name.slice(0, 4)), Number(number), name);
    assert.ok(existsSync(join(ROOT, module!)), `'${name}' names '${module}', which is not there`);
    return { module: module!, line: `- [${number}](${name}): ${title}` };
  });
  const modules = [...new Set(rows.map(({ module }) => module))].sort();
  return modules
    .map(module => {
      const lines = rows.filter(row => row.module === module).map(({ line }) => line);
      return `### \`${module}\`\n\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

interface Stated {
  readonly id: string;
  readonly statement: string;
  readonly places: readonly { readonly path: string; readonly names: readonly string[] }[];
}

/** Returns the paragraphs of the form `**I7** statement. Enforced in ‹places›.` */
function invariantsIn(section: string): Stated[] {
  return [
    ...`${section}\n\n`.matchAll(/^\*\*(I\d+)\*\* ([^]*?)\.\s+Enforced (?:in|where) ([^]*?)\n\n/gm),
  ].map(([, id, statement, where]) => ({
    id: id!,
    statement: statement!.replace(/\s+/g, ' '),
    places: placesIn(where!.replace(/\s+/g, ' ')),
  }));
}

/** Returns the value of a numeric constant, or of a member or parameter with a default, in a source file. */
function constantIn(source: string, name: string): number | undefined {
  const [, text] = new RegExp(`\\b${name}(?::| =) ([\\d_]+(?: \\*{1,2} [\\d_]+)*)[;,\\n]`).exec(source) ?? [];
  if (text === undefined) return undefined;
  const [first, ...rest] = text.replaceAll('_', '').split(' ');
  let value = Number(first);
  for (let i = 0; i < rest.length; i += 2)
    value = rest[i] === '**' ? value ** Number(rest[i + 1]) : value * Number(rest[i + 1]);
  return value;
}

/** Returns the ways in which a document writes a number: `10,000`, `64 Mi`, `10 s`. */
function spellings(value: number): string[] {
  return [
    value.toLocaleString('en'),
    `${value / 1024} Ki`,
    `${value / 1024 ** 2} Mi`,
    `${value / 1024 ** 3} Gi`,
    `${value / 1000} s`,
  ];
}

/** Parses `path` or `path` (`name`, `name`). The table of bounds is a place as well. */
function placesIn(text: string): Stated['places'] {
  const places = [
    ...text.matchAll(/`((?:engine|extension|webview)\/[\w./-]+|eslint\.config\.mjs)`(?: \(([^)]*)\))?/g),
  ].map(([, path, names]) => ({
    path: path!,
    names: [...(names ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
  }));
  return text.includes('#bounds)')
    ? [...places, { path: 'engine/PROTOCOLS.md', names: ['## Bounds'] }]
    : places;
}
