import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { before, describe, it } from 'mocha';

/** Checks package.json, its texts and the extension's code against each other, in both directions. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;
const texts = JSON.parse(read('package.nls.json')) as Record<string, string>;
const contributes = manifest.contributes;

interface Manifest {
  readonly publisher: string;
  readonly name: string;
  readonly icon: string;
  readonly vsce: { readonly readmePath: string };
  readonly activationEvents: readonly string[];
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] };
  };
  readonly contributes: {
    readonly commands: readonly { command: string; icon?: string; enablement?: string }[];
    readonly views: Record<string, readonly { id: string; icon: string }[]>;
    readonly viewsContainers: { activitybar: readonly { id: string; icon: string }[] };
    readonly viewsWelcome: readonly { view: string; when: string }[];
    readonly menus: Record<string, readonly { command: string; when?: string }[]>;
    readonly keybindings: readonly { command: string; when: string }[];
    readonly configuration: { properties: Record<string, Property> };
    readonly terminal: { profiles: readonly { id: string }[] };
    readonly walkthroughs: readonly { id: string; steps: readonly Step[] }[];
  };
}

interface Property {
  readonly scope: string;
  readonly default: unknown;
  readonly enum?: readonly string[];
}

interface Step {
  readonly id: string;
  readonly description: string;
  readonly media: { readonly markdown: string } | { readonly image: string; readonly altText: string };
  readonly completionEvents: readonly string[];
}

interface Contributions {
  readonly COMMAND_IDS: readonly string[];
  readonly VIEWS: Record<string, string>;
  readonly SETTING_NAMES: readonly string[];
  readonly TERMINAL_PROFILE: string;
  readonly WALKTHROUGH: string;
}

const commands = contributes.commands.map(({ command }) => command);
const views = Object.values(contributes.views).flatMap(list => list.map(({ id }) => id));
const whens = [
  ...Object.values(contributes.menus).flat(),
  ...contributes.keybindings,
  ...contributes.viewsWelcome,
  ...contributes.commands.map(({ enablement }) => ({ when: enablement })),
].flatMap(({ when }) => (when === undefined ? [] : [when]));

describe('the manifest and the code', () => {
  let code: Contributions;

  before(async () => {
    code = await contributions();
  });

  it('contributes the commands that the extension registers, and no others', () => {
    same(commands, code.COMMAND_IDS);
  });

  it('contributes the views that the extension fills, and no others', () => {
    same(views, Object.values(code.VIEWS));
  });

  it('contributes the settings that the extension reads, and no others', () => {
    same(
      Object.keys(contributes.configuration.properties),
      code.SETTING_NAMES.map(name => `fleet.${name}`),
    );
  });

  it('contributes the terminal profile and the walkthrough that the extension opens', () => {
    assert.deepEqual(
      contributes.terminal.profiles.map(({ id }) => id),
      [code.TERMINAL_PROFILE],
    );
    assert.deepEqual(
      contributes.walkthroughs.map(({ id }) => id),
      [code.WALKTHROUGH],
    );
  });

  it('puts only commands that exist into menus, keys, welcome views and steps', () => {
    const used = [
      ...Object.values(contributes.menus).flatMap(list => list.map(({ command }) => command)),
      ...contributes.keybindings.map(({ command }) => command),
      ...steps().flatMap(({ completionEvents }) => afterPrefix(completionEvents, 'onCommand:')),
      ...Object.values(texts).flatMap(text =>
        [...text.matchAll(/\]\(command:([\w.]+)/g)].map(([, id]) => id!),
      ),
    ];
    const known = [...commands, ...views.map(view => `${view}.focus`)];
    const foreign = used.filter(id => !known.includes(id) && !id.startsWith('workbench.'));
    assert.deepEqual(foreign, []);
  });

  it('tests only context keys that the extension sets, and each of them', () => {
    const set = contextKeys();
    const own = [
      ...whens.join(' ').matchAll(/\bfleet\.\w+/g),
      ...steps()
        .flatMap(({ completionEvents }) => afterPrefix(completionEvents, 'onContext:'))
        .join(' ')
        .matchAll(/\bfleet\.\w+/g),
    ].map(([key]) => key);
    same([...new Set(own.filter(key => !views.includes(key)))], set);
  });

  it('tests only existing views in menus, and shows a welcome only in them', () => {
    const asked = [...whens.join(' ').matchAll(/\b(?:view|focusedView) == ([\w.]+)/g)].map(([, id]) => id!);
    const shown = [...asked, ...contributes.viewsWelcome.map(({ view }) => view)];
    assert.deepEqual(
      shown.filter(id => !views.includes(id)),
      [],
    );
  });

  it('tests only words of rows in their menus', () => {
    const says = ['appearance', 'fan-outs', 'namespace-appearance']
      .map(name => read(`extension/views/${name}.ts`))
      .join('');
    const words = whens
      .flatMap(when => [...when.matchAll(/viewItem =~ \/(.*?)\/(?:$| )/g)].map(([, regex]) => regex!))
      .flatMap(regex => regex.replaceAll(/\\b|\.\*|\^/g, ' ').match(/\w+/g) ?? []);
    assert.ok(words.length > 0);
    for (const word of new Set(words)) {
      const isStatus = ['live', 'worker', 'running', 'pending'].includes(word);
      assert.ok(isStatus || says.includes(word), `no row says '${word}'`);
    }
  });

  it('restricts only settings that exist', () => {
    const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    const known = Object.keys(contributes.configuration.properties);
    assert.deepEqual(
      restrictedConfigurations.filter(name => !known.includes(name)),
      [],
    );
  });

  it('has a default for each setting that is one of its values', () => {
    for (const [name, property] of Object.entries(contributes.configuration.properties)) {
      assert.notEqual(property.default, undefined, name);
      if (property.enum !== undefined) assert.ok(property.enum.includes(String(property.default)), name);
    }
  });

  it('takes every text from package.nls.json, and uses each key', () => {
    const used = [...JSON.stringify(manifest).matchAll(/%([\w.]+)%/g)].map(([, key]) => key!);
    same([...new Set(used)], Object.keys(texts));
    const plain = textsIn(contributes).filter(text => !/^%[\w.]+%$/.test(text));
    assert.deepEqual(plain, ['Fleet'].slice(0, plain.length), 'only the name of the product is written out');
  });

  it('lets only the machine choose programs, folders of homes and the commands of worktrees', () => {
    const { properties } = contributes.configuration;
    for (const name of ['fleet.home', 'fleet.agents', 'fleet.worktree.setup', 'fleet.worktree.include'])
      assert.equal(properties[name]?.scope, 'machine', name);
  });

  it('has a page for users with packed pictures, which needs no npm', () => {
    const page = read(manifest.vsce.readmePath);
    const pictures = [...page.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, path]) => path!);
    assert.ok(pictures.length >= 2);
    for (const path of pictures) assert.ok(path.startsWith('media/') && existsSync(join(ROOT, path)), path);
    assert.doesNotMatch(page, /\bnpm (?:i|install|run|test|ci|exec|start)\b|https?:/);
  });

  it('names only existing files', () => {
    const files = [
      manifest.icon,
      ...contributes.viewsContainers.activitybar.map(({ icon }) => icon),
      ...Object.values(contributes.views).flatMap(list => list.map(({ icon }) => icon)),
      ...steps().map(({ media }) => ('image' in media ? media.image : media.markdown)),
    ];
    for (const file of files) assert.ok(existsSync(join(ROOT, file)), `${file} is missing`);
  });

  it('names only icons that the editor has, in the manifest and in code', () => {
    const known = read('node_modules/@vscode/codicons/dist/codicon.css');
    const named = [
      ...contributes.commands.flatMap(({ icon }) => (icon === undefined ? [] : [icon.slice(2, -1)])),
      ...sources('extension').flatMap(file => [
        ...[...read(file).matchAll(/\$\(([\w-]+)(?:~spin)?\)/g)].map(([, icon]) => icon!),
        ...[...read(file).matchAll(/(?:ThemeIcon|themed)\('([\w-]+?)(?:~spin)?'/g)].map(([, icon]) => icon!),
      ]),
    ];
    const missing = [...new Set(named)].filter(icon => !known.includes(`.codicon-${icon}:before`));
    assert.deepEqual(missing, []);
  });

  it('opens the walkthrough by the name of this extension', () => {
    assert.ok(
      sources('extension').some(file => read(file).includes(`${manifest.publisher}.${manifest.name}#`)),
    );
  });
});

/** Loads the tables of the extension. They only contain names, so `vscode` is empty. */
async function contributions(): Promise<Contributions> {
  const tables = ['contributions', 'command-registry'].map(name => `export * from './extension/${name}.ts';`);
  const { outputFiles } = await build({
    stdin: { contents: tables.join('\n'), resolveDir: ROOT },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    plugins: [
      {
        name: 'no-editor',
        setup: pending => {
          pending.onResolve({ filter: /^vscode$/ }, () => ({ path: 'vscode', namespace: 'none' }));
          pending.onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'module.exports = {};' }));
        },
      },
    ],
  });
  const url = `data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString('base64')}`;
  return (await import(url)) as Contributions;
}

/** Returns the members of the interface of context keys. */
function contextKeys(): readonly string[] {
  const block = /interface ContextKeys \{([^]*?)\n\}/.exec(read('extension/contributions.ts'))?.[1] ?? '';
  return [...block.matchAll(/'(fleet\.\w+)'/g)].map(([, key]) => key!);
}

function steps(): readonly Step[] {
  return contributes.walkthroughs.flatMap(walkthrough => walkthrough.steps);
}

function afterPrefix(events: readonly string[], prefix: string): readonly string[] {
  return events.filter(event => event.startsWith(prefix)).map(event => event.slice(prefix.length));
}

/** Returns every text for people in the contributions. */
function textsIn(value: unknown, key = ''): readonly string[] {
  const shown =
    /^(title|name|description|markdownDescription|contents|category|enumDescriptions|contextualTitle)$/;
  if (typeof value === 'string') return shown.test(key) ? [value] : [];
  if (Array.isArray(value)) return [...new Set(value.flatMap(each => textsIn(each, key)))];
  if (typeof value !== 'object' || value === null) return [];
  return [...new Set(Object.entries(value).flatMap(([name, each]) => textsIn(each, name)))];
}

function sources(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map(file => join(folder, file));
}

function same(actual: readonly string[], expected: readonly string[]): void {
  assert.deepEqual([...actual].toSorted(), [...expected].toSorted());
}
