import * as path from 'node:path';
import type * as vscode from 'vscode';

/** Matches the parts of a URI, as in RFC 3986. */
const PARTS = /^(?:([^:/?#]+?):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?/s;

type Change = Parameters<vscode.Uri['with']>[0];

export class Uri implements vscode.Uri {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  readonly fragment: string;

  static file(file: string): Uri {
    return new Uri('file', '', file.startsWith('/') ? file : `/${file}`, '', '');
  }

  static parse(text: string): Uri {
    const [, scheme = 'file', authority = '', path = '', query = '', fragment = ''] = PARTS.exec(text) ?? [];
    return Uri.from({
      scheme,
      authority: decodeURIComponent(authority),
      path: decodeURIComponent(path),
      query: decodeURIComponent(query),
      fragment: decodeURIComponent(fragment),
    });
  }

  static from(parts: Parameters<typeof vscode.Uri.from>[0]): Uri {
    const { scheme, authority = '', path = '', query = '', fragment = '' } = parts;
    if (authority !== '' && path !== '' && !path.startsWith('/'))
      throw new Error(`a path with an authority begins with a slash: ${path}`);
    if (authority === '' && path.startsWith('//'))
      throw new Error(`a path without an authority begins with one slash: ${path}`);
    return new Uri(scheme, authority, scheme === 'file' && path === '' ? '/' : path, query, fragment);
  }

  static joinPath(base: vscode.Uri, ...parts: readonly string[]): Uri {
    return Uri.from({ ...partsOf(base), path: path.posix.join(base.path, ...parts) });
  }

  private constructor(scheme: string, authority: string, path: string, query: string, fragment: string) {
    this.scheme = scheme;
    this.authority = authority;
    this.path = path;
    this.query = query;
    this.fragment = fragment;
  }

  get fsPath(): string {
    return this.authority !== '' && this.scheme === 'file' ? `//${this.authority}${this.path}` : this.path;
  }

  with({ scheme, authority, path, query, fragment }: Change): Uri {
    return Uri.from({
      scheme: scheme ?? this.scheme,
      authority: authority ?? this.authority,
      path: path ?? this.path,
      query: query ?? this.query,
      fragment: fragment ?? this.fragment,
    });
  }

  toString(skipEncoding = false): string {
    const encode = skipEncoding ? (text: string): string => text : encoded;
    const authority = this.authority !== '' || this.scheme === 'file' ? `//${encode(this.authority)}` : '';
    const query = this.query === '' ? '' : `?${encode(this.query)}`;
    const fragment = this.fragment === '' ? '' : `#${encode(this.fragment)}`;
    return `${this.scheme}:${authority}${this.path.split('/').map(encode).join('/')}${query}${fragment}`;
  }

  toJSON(): object {
    return { $mid: 1, ...partsOf(this) };
  }
}

const partsOf = ({ scheme, authority, path, query, fragment }: vscode.Uri) => ({
  scheme,
  authority,
  path,
  query,
  fragment,
});

/** Encodes more characters than `encodeURIComponent`, like the editor. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
