import { MAX_ALIAS_CHARS } from '../record/values.ts';
import type { RunDocument } from './fan-out-documents.ts';

/** Formats a run as people name it: `release #4`. */
export const runText = ({ name, number }: RunDocument): string => `${name} #${number}`;

/** Returns a text as a valid name of runs: one line without `#`, of limited length. */
export function runNameFrom(text: string): string {
  const line = text.replace(/[\s#\p{Cc}\p{Surrogate}\u2028\u2029]+/gu, ' ').replace(/^(?:\s|th_)+/, '');
  return (
    line
      .slice(0, MAX_ALIAS_CHARS)
      .replace(/\p{Surrogate}$/u, '')
      .trim() || 'run'
  );
}

/** Returns the name of the runs of a plan file: `release` for `plans/release.fanout.yaml`. */
export function planRunName(file: string): string {
  const base = file.replace(/\/+$/, '').replace(/^.*\//s, '');
  return runNameFrom(base.replace(/(?:\.fanout)?\.ya?ml$/i, ''));
}
