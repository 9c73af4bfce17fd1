import * as v from 'valibot';

/** A member of a row: the schema of its value, and the function that reads it from the document. */
export interface Member<Document, Value> {
  readonly schema: v.GenericSchema<unknown, Value>;
  readonly read: (document: Document) => Value;
}
type Members<Document> = Readonly<Record<string, Member<Document, unknown>>>;

/** The row from a table of members. */
export type RowOf<M> = {
  readonly [Name in keyof M]: M[Name] extends Member<never, infer Value> ? Value : never;
};

declare const row: unique symbol;
/** The values of a row, in the order of its table. */
export type Packed<Row> = readonly unknown[] & { readonly [row]?: Row };

/** The encoding of rows as tuples: with thousands of rows, the names of their members would be most of a message. */
export interface RowCodec<Document, Row> {
  readonly schema: v.GenericSchema<unknown, Packed<Row>>;
  readonly pack: (document: Document) => Packed<Row>;
  readonly unpack: (packed: Packed<Row>) => Row;
}

/** Returns a function that creates members for one type of document. */
export const memberOf =
  <Document>() =>
  <Value>(
    schema: v.GenericSchema<unknown, Value>,
    read: (document: Document) => NoInfer<Value>,
  ): Member<Document, Value> => ({ schema, read });

/** Creates the codec for a table of members. */
export function rowCodec<Document, M extends Members<Document>>(members: M): RowCodec<Document, RowOf<M>> {
  type Row = RowOf<M>;
  const names = Object.keys(members);
  const table = Object.values(members);
  return {
    schema: v.strictTuple(table.map(({ schema }) => schema)),
    pack: document => table.map(({ read }) => read(document)),
    unpack: packed => {
      const unpacked: Record<string, unknown> = {};
      for (let at = 0; at < names.length; at += 1) unpacked[names[at]!] = packed[at];
      return unpacked as Row;
    },
  };
}
