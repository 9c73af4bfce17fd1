import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import type { Diagnostic } from '../plan/diagnostics.ts';
import type { Plan, PlanKnown, PlanRequest } from '../plan/plan.ts';
import { MAX_PLAN_CHARS } from '../plan/plan-limits.ts';
import type { Host } from './host.ts';
import { pathOf } from './settings.ts';

/** A plan that was read from a file. */
export interface PlanFile extends Plan {
  /** The name of the file, as it was given. */
  readonly file: string;
  readonly text: string;
}

/** The facts about a fleet if none is asked: any worker and any agent may exist. */
export const NO_FLEET: PlanKnown = {
  defaultExecutor: 'echo',
  executors: null,
  workers: null,
  namespaces: null,
};

/**
 * Reads and checks a plan.
 * @throws NOT_FOUND, TOO_LARGE; INVALID_RECORD for a file that cannot be read as text
 */
export async function readPlanFile(
  host: Pick<Host, 'cwd' | 'env' | 'checkPlan'>,
  file: string,
  known: PlanKnown,
): Promise<PlanFile> {
  const text = await textOf(pathOf(file, host), file);
  return { file, text, ...(await host.checkPlan(text, known)) };
}

async function textOf(path: string, file: string): Promise<string> {
  try {
    // A character has at most four bytes.
    if ((await stat(path)).size > MAX_PLAN_CHARS * 4)
      throw new FleetError('TOO_LARGE', `the plan '${file}' has more than ${MAX_PLAN_CHARS} characters`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (thrown) {
    if (FleetError.is(thrown)) throw thrown;
    const isMissing = systemCodeOf(thrown) === 'ENOENT';
    const message = isMissing
      ? `no file '${file}'`
      : `the plan '${file}' can't be read: ${messageOf(thrown)}`;
    throw new FleetError(isMissing ? 'NOT_FOUND' : 'INVALID_RECORD', message, {
      details: { file },
      cause: thrown,
    });
  }
}

/**
 * Returns the request of a plan. Folders become absolute, relative to the folder of the file.
 * @throws INVALID_RECORD with every fault of the plan, if it has any
 */
export function requestOf(plan: PlanFile, host: Pick<Host, 'cwd' | 'env'>): PlanRequest {
  if (plan.request === null) throw faulty(plan);
  const folder = dirname(pathOf(plan.file, host));
  const absolute = (dir: string): string => pathOf(dir, { ...host, cwd: folder });
  const { dir, subtasks } = plan.request;
  return {
    ...plan.request,
    dir: dir === null ? null : absolute(dir),
    subtasks: subtasks.map(subtask =>
      subtask.dir == null ? subtask : { ...subtask, dir: absolute(subtask.dir) },
    ),
  };
}

function faulty(plan: PlanFile): FleetError {
  const errors = plan.diagnostics.filter(({ severity }) => severity === 'error');
  const lines = errors.map(each => diagnosticLine(plan, each));
  return new FleetError('INVALID_RECORD', `the plan '${plan.file}' has ${count(errors.length)}`, {
    details: { file: plan.file, diagnostics: errors.map(each => diagnosticDocument(plan.text, each)) },
    hint: lines.join('\n'),
  });
}

const count = (faults: number): string => (faults === 1 ? 'a fault' : `${faults} faults`);

/** Returns a diagnostic in the format of compilers, which editors parse: `file:line:column: error message [code]`. */
export function diagnosticLine(
  { file, text }: Pick<PlanFile, 'file' | 'text'>,
  diagnostic: Diagnostic,
): string {
  const { line, column } = placeOf(text, diagnostic.range.start);
  return `${file}:${line}:${column}: ${diagnostic.severity} ${diagnostic.message} [${diagnostic.code}]`;
}

/** Returns a diagnostic with lines and columns, which count from 1. */
export function diagnosticDocument(text: string, { code, severity, message, range }: Diagnostic): object {
  const [start, end] = [placeOf(text, range.start), placeOf(text, range.end)];
  return { code, severity, message, ...start, end_line: end.line, end_column: end.column };
}

function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}
