import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { before, describe, it } from 'mocha';
import type { Database } from 'sql.js';
import { runs } from '../../../test/runs.ts';
import { FleetError } from '../../errors.ts';
import { readOnlyStatement, splitStatement } from './read-only.ts';

describe('a query', () => {
  let db: Database;
  before(async () => {
    const { default: initSqlJs } = await import('sql.js');
    const bytes = await readFile(createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm'));
    const sql = await initSqlJs({ wasmBinary: new Uint8Array(bytes).buffer });
    db = new sql.Database();
    db.run('CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2), (3, 4); CREATE TEMP TABLE u (a)');
  });

  for (const sql of [
    'SELECT * FROM t',
    'select a from t;',
    ' \n\t/* first */ -- then\nSELECT 1 ; ; -- done',
    'WITH x AS (SELECT a FROM t) SELECT * FROM x ORDER BY 1',
    'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 5) SELECT * FROM n',
    'VALUES (1, 2)',
    'SELECT \'a;b\', "a", `a`, [a] FROM t -- DELETE FROM t;',
    "SELECT 'it''s; fine' /* ; */",
    'EXPLAIN SELECT 1',
    'EXPLAIN QUERY PLAN SELECT * FROM t',
    'EXPLAIN/**/QUERY--\nPLAN WITH x AS (SELECT 1) SELECT * FROM x',
    "SELECT * FROM pragma_table_info('t')",
    'SELECT(1)',
    'SELECT a FROM t WHERE a = ?',
  ]) {
    it(`may be ${sql}`, () => {
      db.exec(readOnlyStatement(db, sql));
    });
  }

  for (const sql of [
    '',
    ' -- nothing',
    ';',
    '; SELECT 1',
    'INSERT INTO t VALUES (5, 6)',
    'UPDATE t SET a = 0',
    'DELETE FROM t',
    'REPLACE INTO t VALUES (1, 1)',
    'DROP TABLE t',
    'CREATE TABLE x (a)',
    'CREATE TEMP TABLE x AS SELECT 1',
    'ALTER TABLE t ADD COLUMN c',
    "ATTACH 'x.db' AS x",
    'DETACH x',
    'PRAGMA writable_schema = ON',
    'PRAGMA query_only = OFF',
    'VACUUM',
    "VACUUM INTO 'x.db'",
    'REINDEX',
    'ANALYZE',
    'BEGIN',
    'COMMIT',
    'ROLLBACK',
    'SAVEPOINT s',
    'WITH x AS (SELECT 1) DELETE FROM t',
    'WITH x AS (SELECT 1) INSERT INTO t SELECT 1, 1 FROM x',
    'WITH x AS (SELECT 1) UPDATE t SET a = 9 RETURNING a',
    'WITH x AS (SELECT 1) INSERT INTO temp.u SELECT 1',
    'WITH x AS (SELECT 1) REPLACE INTO t SELECT 1, 1',
    'SELECT 1; DELETE FROM t',
    'SELECT 1; PRAGMA writable_schema = ON',
    "SELECT ';'; DROP TABLE t",
    "SELECT 1 /* ; */ ; /* */ INSERT INTO t VALUES ('x', 1)",
    'EXPLAIN PRAGMA writable_schema = ON',
    'EXPLAIN DELETE FROM t',
    'EXPLAIN QUERY PLAN PRAGMA query_only = OFF',
    'EXPLAIN EXPLAIN SELECT 1',
    '\u{feff}DELETE FROM t',
    'SELECT 1\0; DELETE FROM t',
    'SELECT',
    'SELECT * FROM nowhere',
    "SELECT 'open",
    'SELECT 1 FROM t )',
  ]) {
    it(`can't be ${JSON.stringify(sql)}, and that changes nothing`, () => {
      const before = db.export();
      assert.throws(
        () => readOnlyStatement(db, sql),
        (error: unknown) => FleetError.is(error, 'INVALID_RECORD') && error.hint !== undefined,
      );
      assert.deepEqual(db.export(), before);
      for (const pragma of ['writable_schema', 'query_only']) {
        assert.equal(db.exec(`PRAGMA ${pragma}`)[0]!.values[0]![0], 0);
      }
    });
  }

  it('is told what is wrong with it', () => {
    const says = (message: RegExp) => (error: unknown) =>
      FleetError.is(error, 'INVALID_RECORD') && message.test(error.message);
    assert.throws(() => readOnlyStatement(db, 'DROP TABLE t'), says(/can't begin with 'DROP': .* read-only/));
    assert.throws(() => readOnlyStatement(db, 'SELECT 1; SELECT 2'), says(/one statement/));
    assert.throws(() => readOnlyStatement(db, 'WITH x AS (SELECT 1) DELETE FROM t'), says(/would write/));
    assert.throws(() => readOnlyStatement(db, 'SELECT x FROM t'), says(/no such column: x/));
    assert.throws(() => readOnlyStatement(db, ''), says(/is empty/));
  });

  it('is cut nowhere but at a semicolon that stands by itself', () => {
    const part = fc.constantFrom(
      "'",
      '"',
      '`',
      '[',
      ']',
      '--',
      '\n',
      '/*',
      '*/',
      ';',
      ' ',
      'a',
      '-',
      '/',
      '*',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), parts => {
        const sql = parts.join('');
        const { statement, rest } = splitStatement(sql);
        assert.ok(sql.includes(statement) && sql.endsWith(rest));
        if (!sql.includes(';')) assert.equal(rest, '');
      }),
      { numRuns: runs(100) },
    );
  });

  it('that changes something is never let through, whatever it is made of', () => {
    const word = fc.constantFrom(
      ...'SELECT WITH VALUES EXPLAIN QUERY PLAN DELETE INSERT INTO UPDATE SET FROM t u a b ( ) , ; = 1 * AS x'.split(
        ' ',
      ),
      ...[
        'PRAGMA',
        'query_only',
        'writable_schema',
        'DROP',
        'TABLE',
        'REPLACE',
        'RETURNING',
        '(SELECT 1)',
        '/*',
        '*/',
        '--',
        '\n',
      ],
    );
    const before = db.export();
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 14 }), words => {
        try {
          db.exec(readOnlyStatement(db, words.join(' ')));
        } catch (error) {
          if (FleetError.is(error)) assert.equal(error.code, 'INVALID_RECORD');
        }
        assert.equal(db.exec('PRAGMA query_only')[0]!.values[0]![0], 0);
      }),
      { numRuns: runs(2_000) },
    );
    assert.deepEqual(db.export(), before);
  });
});
