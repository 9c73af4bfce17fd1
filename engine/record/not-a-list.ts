import * as v from 'valibot';

/**
 * A schema of objects that refuses a list. By itself the library takes a list without entries for an object without
 * members, and what follows in a pipe is given the object.
 */
export const notAList = <const S extends v.GenericSchema>(schema: S, message = 'must be an object') =>
  v.pipe(
    v.unknown(),
    v.check(value => !Array.isArray(value), message),
    schema,
  );
