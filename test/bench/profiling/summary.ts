import type { Profiler } from 'node:inspector';
import type { Sources } from './build.ts';

/** The time of a process in one function. */
export interface Cost {
  readonly name: string;
  readonly place: string;
  /** The time in the function itself, in milliseconds. */
  readonly selfMs: number;
  /** The time in the function and everything that it called. */
  readonly totalMs: number;
}

/** Sums up a profile. The functions with the most time of their own come first. */
export function costsOf(profile: Profiler.Profile, sources: Sources): Cost[] {
  const selfUs = selfTimes(profile);
  const byId = new Map(profile.nodes.map(node => [node.id, node]));
  const costs = new Map<string, { name: string; place: string; selfMs: number; totalMs: number }>();
  const visit = (node: Profiler.ProfileNode, above: ReadonlySet<string>): number => {
    const { functionName, url, lineNumber, columnNumber } = node.callFrame;
    const name = functionName === '' ? '(anonymous)' : functionName;
    const place = sources.placeOf(url, lineNumber, columnNumber);
    const key = `${name} ${place}`;
    const inside = new Set(above).add(key);
    let us = selfUs.get(node.id) ?? 0;
    const cost = costs.get(key) ?? { name, place, selfMs: 0, totalMs: 0 };
    costs.set(key, cost);
    cost.selfMs += us / 1000;
    for (const child of node.children ?? []) us += visit(byId.get(child)!, inside);
    // The time of a recursive function is counted once, at its outermost call.
    if (!above.has(key)) cost.totalMs += us / 1000;
    return us;
  };
  visit(profile.nodes[0]!, new Set());
  return [...costs.values()].sort((a, b) => b.selfMs - a.selfMs);
}

function selfTimes({ samples = [], timeDeltas = [] }: Profiler.Profile): Map<number, number> {
  const selfUs = new Map<number, number>();
  samples.forEach((id, i) => selfUs.set(id, (selfUs.get(id) ?? 0) + (timeDeltas[i + 1] ?? 0)));
  return selfUs;
}

/**
 * Returns two tables of the `count` costliest functions: all functions by their own time, and the engine's by total
 * time.
 */
export function summary(title: string, costs: readonly Cost[], children: number, count: number): string {
  const busy = costs.filter(({ name }) => name !== '(idle)' && name !== '(root)');
  const busyMs = busy.reduce((sum, { selfMs }) => sum + selfMs, 0);
  const idleMs = costs.find(({ name }) => name === '(idle)')?.selfMs ?? 0;
  const perChild = (ms: number): string => ((ms * 1000) / children).toFixed(2).padStart(8);
  const lines = (some: readonly Cost[], ms: (cost: Cost) => number): string[] =>
    some.slice(0, count).map(cost => {
      const share = `${((ms(cost) / busyMs) * 100).toFixed(1)} %`.padStart(8);
      return `${share} ${perChild(ms(cost))}  ${cost.name.padEnd(28)} ${cost.place}`;
    });
  const engine = busy.filter(({ place }) => place.startsWith('engine/'));
  return [
    `\n${title}: busy ${busyMs.toFixed(0)} ms (${perChild(busyMs).trim()} µs a child), idle ${idleMs.toFixed(0)} ms`,
    '   by itself, µs a child',
    ...lines(busy, ({ selfMs }) => selfMs),
    '   with what it calls',
    ...lines(
      [...engine].sort((a, b) => b.totalMs - a.totalMs),
      ({ totalMs }) => totalMs,
    ),
    '',
  ].join('\n');
}
