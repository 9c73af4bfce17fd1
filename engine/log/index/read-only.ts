import type { Database } from 'sql.js';
import { FleetError, messageOf } from '../../errors.ts';

/**
 * Accepts a query only if it is one statement that reads.
 * | sql.js has no `sqlite3_stmt_readonly`, so there are three checks. First, the statement must begin with the words of
 * a reading statement: a PRAGMA acts while it is compiled, so that it must not be compiled. Second, the compiled
 * program is inspected (EXPLAIN runs nothing), which finds `WITH … DELETE`: SQLite itself calls a statement read-only
 * when its program begins no writing transaction and contains none of WRITING. Third, the caller sets `query_only`,
 * which no statement that passes the first check can undo.
 * @returns the statement, to be prepared unchanged.
 * @throws INVALID_RECORD with the reason of the refusal.
 */
export function readOnlyStatement(db: Database, sql: string): string {
  const { statement, rest } = splitStatement(sql);
  if (statement === '') throw refused('the query is empty');
  if (rest !== '') throw refused('a query must be one statement, and this one has more');
  const words = leadingWords(statement, 4);
  const first = words[0] ?? '';
  if (first !== 'EXPLAIN') {
    if (!READING.has(first))
      throw refused(`a query can't begin with '${shown(statement)}': the index is read-only`);
    requireReadingProgram(db, statement);
  } else {
    const explained = words[1] === 'QUERY' && words[2] === 'PLAN' ? words[3] : words[1];
    if (!READING.has(explained ?? ''))
      throw refused('only a SELECT, WITH or VALUES statement can be explained');
  }
  return statement;
}

const READING: ReadonlySet<string> = new Set(['SELECT', 'WITH', 'VALUES']);
const WRITING: ReadonlySet<string> = new Set([
  'AutoCommit',
  'Savepoint',
  'Checkpoint',
  'Vacuum',
  'JournalMode',
  'VUpdate',
]);

function requireReadingProgram(db: Database, statement: string): void {
  for (const [, opcode, , p2] of explain(db, statement)) {
    const writes = opcode === 'Transaction' ? p2 !== 0 : WRITING.has(String(opcode));
    if (writes) throw refused('the query would write, and the index is read-only');
  }
}

function explain(db: Database, statement: string): readonly (readonly unknown[])[] {
  try {
    return db.exec(`EXPLAIN ${statement}`)[0]?.values ?? [];
  } catch (cause) {
    throw refused(`the query is not valid: ${messageOf(cause)}`, cause);
  }
}

/**
 * Matches parts of SQL without meaning, and parts in which a semicolon or a dash has none: blanks, comments, quoted
 * names and texts. An unclosed part extends to the end.
 */
const BLANK = /[ \t\n\f\r]+|--[^\n]*(?:\n|$)|\/\*[^]*?(?:\*\/|$)/y;
const QUOTED = /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)/y;

/** Returns the first statement without its semicolon and the blanks around it, and the text after it, '' for blanks. */
export function splitStatement(sql: string): { readonly statement: string; readonly rest: string } {
  // SQLite stops at a NUL, and text after it would look like a part of the query.
  if (sql.includes('\0')) throw refused('the query contains a NUL character');
  const start = skipBlanks(sql, 0);
  let at = start;
  let end = start;
  while (at < sql.length && sql[at] !== ';') {
    const blank = skipBlanks(sql, at);
    if (blank > at) {
      at = blank;
      continue;
    }
    at = skip(QUOTED, sql, at) ?? at + 1;
    end = at;
  }
  let next = at;
  while (sql[next] === ';') next = skipBlanks(sql, next + 1);
  return { statement: sql.slice(start, end), rest: sql.slice(next) };
}

/** Returns the first words of a statement in capitals. */
function leadingWords(statement: string, count: number): string[] {
  const words: string[] = [];
  for (let at = 0; words.length < count;) {
    const word = /^[A-Za-z]+/.exec(statement.slice(at, at + 20))?.[0];
    if (word === undefined) break;
    words.push(word.toUpperCase());
    at = skipBlanks(statement, at + word.length);
  }
  return words;
}

function skipBlanks(sql: string, from: number): number {
  let at = from;
  for (let next = skip(BLANK, sql, at); next !== undefined; next = skip(BLANK, sql, at)) at = next;
  return at;
}

/** Returns the end of a match of `pattern` that begins at `at`. */
function skip(pattern: RegExp, sql: string, at: number): number | undefined {
  if (at >= sql.length) return undefined;
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : undefined;
}

const shown = (statement: string): string => /^\S{1,20}/.exec(statement)?.[0] ?? '';

/** Returns the error for a refused query. */
export function refused(message: string, cause?: unknown): FleetError {
  return new FleetError('INVALID_RECORD', message, {
    hint: 'Write one SELECT, WITH or VALUES statement over the views records and threads.',
    ...(cause === undefined ? {} : { cause }),
  });
}
