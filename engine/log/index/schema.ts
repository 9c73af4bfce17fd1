/** Rises with every change of the tables; an index of another version is built again. */
export const SCHEMA_VERSION = 1;

/**
 * The tables. Rows are small: long values stay in the log, and rows contain their place. A thread's number is the
 * position of its first record, so that the table is in order of appearance. `term` holds the texts that many records
 * share: actors, acts, topics. The views look up a condition on a name, and read only the requested columns. `tail` is
 * the last indexed record, which identifies the log.
 */
export const TABLES = `
  CREATE TABLE thread_name (first INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE term (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
  CREATE TABLE entry (
    position INTEGER PRIMARY KEY, thread INTEGER NOT NULL, actor INTEGER NOT NULL, act INTEGER NOT NULL,
    topic INTEGER, clock INTEGER NOT NULL, at INTEGER NOT NULL,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL
  );
  CREATE INDEX entry_thread ON entry (thread);
  CREATE TABLE tail (
    only INTEGER PRIMARY KEY CHECK (only = 0), position INTEGER NOT NULL, id TEXT NOT NULL,
    segment INTEGER NOT NULL, frame INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL
  );
  CREATE VIEW records AS
    SELECT e.position AS position,
           log_id(e.segment, e.offset, e.length) AS id,
           t.name AS thread,
           actor.text AS actor,
           act.text AS act,
           e.clock AS clock,
           e.at / 1000.0 AS at,
           topic.text AS topic,
           log_body(e.segment, e.offset, e.length) AS body
      FROM entry e
      LEFT JOIN thread_name t ON t.first = e.thread
      LEFT JOIN term actor ON actor.id = e.actor
      LEFT JOIN term act ON act.id = e.act
      LEFT JOIN term topic ON topic.id = e.topic;
  CREATE VIEW threads AS
    SELECT name AS thread,
           (SELECT count(*) FROM entry WHERE thread = first) AS records,
           (SELECT at / 1000.0 FROM entry WHERE position = first) AS first_at,
           (SELECT at / 1000.0 FROM entry
             WHERE position = (SELECT max(position) FROM entry WHERE thread = first)) AS last_at,
           first AS first_position,
           (SELECT max(position) FROM entry WHERE thread = first) AS last_position
      FROM thread_name;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** The tables of `spl query`, for its help. */
export const schemaText = `records   one row per record of the log
  position  INTEGER  the number of records before it
  id        TEXT     64 hex digits; read from the log
  thread    TEXT
  actor     TEXT     a DID
  act       TEXT     INTEND DO KNOW LEARN GET PUT CALL MAP
  clock     INTEGER  rises per actor and thread
  at        REAL     when it was written, in seconds since 1970: datetime(at, 'unixepoch')
  topic     TEXT     the body's topic, NULL without one
  body      TEXT     JSON, read from the log: json_extract(body, '$.verdict')

threads   one row per thread
  thread TEXT, records INTEGER, first_at REAL, last_at REAL, first_position INTEGER, last_position INTEGER

body(position)  the body of the record at a position, as JSON

A query is one SELECT, WITH or VALUES statement of SQLite, or EXPLAIN before one. It is fast by position and by
thread; id and body cost a read of the log for every row that they are looked at in.`;
