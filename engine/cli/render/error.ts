import type { FleetError } from '../../errors.ts';
import { printable } from '../../contract/format.ts';
import type { Colours } from './colours.ts';

/** Returns the document for stderr with `--json`. */
export function errorDocument(error: FleetError): object {
  return {
    error: {
      code: error.code,
      message: error.message,
      details: error.hint === undefined ? error.details : { ...error.details, hint: error.hint },
    },
  };
}

/** Returns the lines of an error: the fault, the input and the hint. */
export function errorLines(error: FleetError, colours: Colours): readonly string[] {
  const head = `${colours.red('error:')} ${printable(error.message)}`;
  const hints = error.hint === undefined ? [] : error.hint.split('\n');
  return [head, ...hints.map(line => `  → ${printable(line)}`)];
}
