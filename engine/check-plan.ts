import { celCompiler } from './domain/join/cel.ts';
import { readPlan, type Plan, type PlanKnown } from './plan/plan.ts';

/** Reads a plan, and says all that is wrong with it; built as a file of its own, for only who has a plan needs its parser. */
export function checkPlan(text: string, known: PlanKnown): Plan {
  return readPlan(text, { ...known, cel: celCompiler });
}
