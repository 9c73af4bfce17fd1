import { parse as parseToml } from 'smol-toml';
import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { messageOf } from '../../errors.ts';
import { tooDeepAt } from '../yaml-source.ts';

/** The facts about a folder: which files are in it and below it, and the text of those that a reader knows. */
export interface Snapshot {
  /** The folder's own name. */
  readonly name: string;
  /** The paths of its files, relative, with `/`. */
  readonly paths: ReadonlySet<string>;
  /** The texts of the files that a reader knows, by path. */
  readonly texts: ReadonlyMap<string, string>;
  /** Reasons why files are missing from the snapshot, for the person who asked. */
  readonly notes: readonly string[];
}

/** One folder of a snapshot, with its files decoded. A file that cannot be decoded is noted and treated as missing. */
export class Folder {
  readonly #snapshot: Snapshot;
  readonly #notes: string[];
  readonly #begin: string;

  /** @param notes receives a line for each file that cannot be decoded */
  constructor(snapshot: Snapshot, notes: string[], path = '') {
    this.#snapshot = snapshot;
    this.#notes = notes;
    this.#begin = path === '' ? '' : `${path}/`;
  }

  /** The paths of the files, relative to this folder. */
  get paths(): readonly string[] {
    const all = [...this.#snapshot.paths];
    if (this.#begin === '') return all;
    return all.filter(path => path.startsWith(this.#begin)).map(path => path.slice(this.#begin.length));
  }

  /** Returns the folder below this one. */
  at(path: string): Folder {
    return new Folder(this.#snapshot, this.#notes, this.#begin + path);
  }

  has(...names: readonly string[]): boolean {
    return names.some(name => this.#snapshot.paths.has(this.#begin + name));
  }

  hasFolder(name: string): boolean {
    const begin = `${this.#begin}${name}/`;
    for (const path of this.#snapshot.paths) if (path.startsWith(begin)) return true;
    return false;
  }

  text(path: string): string | undefined {
    return this.#snapshot.texts.get(this.#begin + path);
  }

  /** Decodes JSON, in which comments and trailing commas are allowed. */
  json<S extends v.GenericSchema>(path: string, schema: S): v.InferOutput<S> | undefined {
    return this.#decoded(path, schema, text => JSON.parse(withoutComments(text)) as unknown);
  }

  toml<S extends v.GenericSchema>(path: string, schema: S): v.InferOutput<S> | undefined {
    return this.#decoded(path, schema, parseToml);
  }

  /** Decodes YAML. Every scalar is the text that was written, so that 3.10 stays 3.10. */
  yaml<S extends v.GenericSchema>(path: string, schema: S): v.InferOutput<S> | undefined {
    return this.#decoded(path, schema, text => {
      if (tooDeepAt(text) !== null) throw new Error('it is nested too deep');
      const document = parseDocument(text, { schema: 'failsafe', logLevel: 'silent', prettyErrors: false });
      if (document.errors[0] !== undefined) throw document.errors[0];
      return document.toJS({ maxAliasCount: 100 }) as unknown;
    });
  }

  note(line: string): void {
    if (!this.#notes.includes(line)) this.#notes.push(line);
  }

  #decoded<S extends v.GenericSchema>(
    path: string,
    schema: S,
    parse: (text: string) => unknown,
  ): v.InferOutput<S> | undefined {
    const text = this.text(path);
    if (text === undefined) return undefined;
    try {
      const result = v.safeParse(schema, parse(text), { abortEarly: true });
      if (result.success) return result.output;
      const [issue] = result.issues;
      this.#unread(path, `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
    } catch (thrown) {
      this.#unread(path, messageOf(thrown));
    }
    return undefined;
  }

  #unread(path: string, why: string): void {
    const [line = ''] = why.split('\n');
    this.note(`could not read ${this.#begin}${path}: ${line.slice(0, 200)}`);
  }
}

function withoutComments(text: string): string {
  return text
    .replace(/^\uFEFF/, '')
    .replace(/"(?:\\.|[^"\\\n])*"|\/\/[^\n]*|\/\*[^]*?\*\//g, each => (each.startsWith('"') ? each : ' '))
    .replace(/"(?:\\.|[^"\\\n])*"|,(?=\s*[}\]])/g, each => (each === ',' ? '' : each));
}
