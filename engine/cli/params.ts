import { FleetError } from '../errors.ts';
import { texts } from './verb.ts';

/** The option that gives the params of a plan their values. */
export const PARAM_OPTION = texts('--param <name=value>', 'Value of a param of the plan; repeatable');

/** Reads `--param NAME=VALUE`, each name once. @throws USAGE */
export function paramsOf(given: readonly string[]): Readonly<Record<string, string>> {
  const params = new Map<string, string>();
  for (const each of given) {
    const equals = each.indexOf('=');
    const name = each.slice(0, Math.max(equals, 0)).trim();
    if (name === '') throw new FleetError('USAGE', `--param '${each}' is not of the form NAME=VALUE`);
    if (params.has(name)) throw new FleetError('USAGE', `--param ${name} is given twice`);
    params.set(name, each.slice(equals + 1));
  }
  return Object.fromEntries(params);
}

/** Returns the error for `--param` where no plan is read. */
export const paramsWithoutPlan = (): FleetError =>
  new FleetError('USAGE', '--param needs a plan', { hint: 'A param is a value of a plan file.' });
