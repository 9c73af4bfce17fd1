import * as v from 'valibot';
import type { Folder } from './folder.ts';
import type { Proposal, Reader } from './proposal.ts';

const toolSchema = v.optional(v.unknown());
const pyprojectSchema = v.looseObject({
  tool: v.optional(v.record(v.string(), toolSchema, 'must be a table'), {}),
});

/** Matches the files of tests that pytest and unittest find. */
export const TEST_FILE = /(^|\/)(test_[^/]*|[^/]*_test)\.py$/;
const REQUIREMENTS = /^(requirements[^/]*\.(txt|in)|requirements\/[^/]*\.(txt|in))$/;
/** The most folders of tests that share a matrix. */
const MAX_FOLDERS = 20;

/** Reads a project of Python: its tests, and the checks that are configured. */
export const readPython: Reader = {
  files:
    /^(pyproject\.toml|pytest\.ini|tox\.ini|setup\.(cfg|py)|Pipfile|requirements[^/]*\.(txt|in)|noxfile\.py)$/,
  marker:
    /^(pyproject\.toml|pytest\.ini|tox\.ini|setup\.(cfg|py)|Pipfile|requirements[^/]*\.txt|manage\.py|conftest\.py)$/,
  isNested: true,
  read(folder) {
    const pyproject = folder.toml('pyproject.toml', pyprojectSchema);
    const isHere = folder.paths.some(path => this.marker.test(path) || /^tests?\/.*\.py$/.test(path));
    if (!isHere) return null;
    const project = new Project(folder, pyproject?.tool ?? {});
    return { source: project.source, proposals: [...project.checks(), ...project.tests()] };
  },
};

class Project {
  readonly #folder: Folder;
  readonly #tools: Readonly<Record<string, unknown>>;

  constructor(folder: Folder, tools: Readonly<Record<string, unknown>>) {
    this.#folder = folder;
    this.#tools = tools;
  }

  get source(): string {
    const names = ['pyproject.toml', 'pytest.ini', 'tox.ini', 'setup.cfg', 'setup.py', 'manage.py'];
    return names.find(name => this.#folder.has(name)) ?? 'Python tests';
  }

  checks(): readonly Proposal[] {
    const has = (name: string, ...files: readonly string[]): boolean =>
      Object.hasOwn(this.#tools, name) || this.#folder.has(...files) || this.#hasSection(name);
    const ruff = this.#tools['ruff'] as { format?: unknown } | null | undefined;
    const mypy = this.#tools['mypy'] as { files?: unknown; packages?: unknown } | null | undefined;
    const isNarrow =
      mypy?.files != null || mypy?.packages != null || /^(files|packages)\s*=/m.test(this.#iniOf('mypy'));
    const rows: readonly (readonly [boolean, string, string])[] = [
      [has('ruff', 'ruff.toml', '.ruff.toml'), 'ruff', 'ruff check .'],
      [ruff?.format != null, 'format', 'ruff format --check .'],
      [has('flake8', '.flake8'), 'flake8', 'flake8'],
      [has('black'), 'black', 'black --check .'],
      [has('mypy', 'mypy.ini', '.mypy.ini'), 'mypy', isNarrow ? 'mypy' : 'mypy .'],
      [has('pyright', 'pyrightconfig.json'), 'pyright', 'pyright'],
    ];
    return rows.filter(([is]) => is).map(([, name, run]) => ({ name, run: this.#prefix + run }));
  }

  tests(): readonly Proposal[] {
    const files = this.#folder.paths.filter(path => TEST_FILE.test(path));
    if (!this.#usesPytest) return this.#plainTests(files.length > 0);
    if (!this.#folder.paths.some(path => /(^|\/)tests?\/|test[^/]*\.py$/i.test(path))) return [];
    const run = this.#prefix === '' ? 'python3 -m pytest' : `${this.#prefix}pytest`;
    const folders = testFolders(files);
    if (folders.length < 2) return [{ name: 'test', run }];
    const [parent] = folders[0]!.split('/');
    return [
      {
        name: 'test-${{ matrix.folder }}',
        matrix: { folder: folders.map(each => each.slice(parent!.length + 1)) },
        run: `${run} ${parent}/\${{ matrix.folder }}`,
      },
    ];
  }

  #plainTests(areThere: boolean): readonly Proposal[] {
    const python = `${this.#prefix}python3`;
    if (this.#folder.has('manage.py')) return [{ name: 'test', run: `${python} manage.py test` }];
    return areThere ? [{ name: 'test', run: `${python} -m unittest discover` }] : [];
  }

  get #usesPytest(): boolean {
    if (Object.hasOwn(this.#tools, 'pytest') || this.#folder.has('pytest.ini', 'conftest.py')) return true;
    const files = this.#folder.paths.filter(
      path =>
        REQUIREMENTS.test(path) ||
        /^(pyproject\.toml|setup\.(cfg|py)|tox\.ini|Pipfile|noxfile\.py)$/.test(path),
    );
    if (files.some(path => this.#folder.text(path)?.includes('pytest') === true)) return true;
    if (this.#folder.paths.some(path => /(^|\/)conftest\.py$/.test(path))) return true;
    // unittest finds methods of classes only, and passes if it finds nothing.
    const tests = this.#folder.paths.filter(path => TEST_FILE.test(path));
    return tests.some(path => /^(?:async )?def test/m.test(this.#folder.text(path) ?? ''));
  }

  /** The prefix of a command that runs in the environment of the project. */
  get #prefix(): string {
    const rows: readonly (readonly [string, string])[] = [
      ['uv.lock', 'uv run '],
      ['poetry.lock', 'poetry run '],
      ['pdm.lock', 'pdm run '],
      ['Pipfile.lock', 'pipenv run '],
    ];
    return rows.find(([file]) => this.#folder.has(file))?.[1] ?? '';
  }

  #hasSection(name: string): boolean {
    return ['setup.cfg', 'tox.ini'].some(file => this.#folder.text(file)?.includes(`[${name}]`) === true);
  }

  #iniOf(tool: string): string {
    return this.#folder.text(`${tool}.ini`) ?? '';
  }
}

/** Returns the folders of tests such as `tests/unit`, if every test lies in one of them. */
function testFolders(files: readonly string[]): readonly string[] {
  const folders = new Set<string>();
  for (const path of files) {
    const [, folder] = /^(tests?\/[A-Za-z0-9_]+)\//.exec(path) ?? [];
    if (folder === undefined) return [];
    folders.add(folder);
  }
  const parents = new Set([...folders].map(each => each.split('/')[0]));
  return parents.size === 1 && folders.size <= MAX_FOLDERS ? [...folders].sort() : [];
}
