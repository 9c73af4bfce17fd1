import type * as vscode from 'vscode';
import { setContext, type ContextKeys } from '../contributions.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { holdsOf } from '../model/holds.ts';
import { homeExists } from '../session/find-engine.ts';
import type { OpenSession } from '../session/session.ts';
import type { Scope } from './scope.ts';

/** Keeps the keys of `when` clauses up to date. Sets only changed keys. */
export function contextKeys(
  session: OpenSession,
  model: FleetModel,
  scope: Scope,
): readonly vscode.Disposable[] {
  const known = new Map<keyof ContextKeys, unknown>();
  const update = <K extends keyof ContextKeys>(key: K, value: ContextKeys[K]): void => {
    if (known.get(key) === value) return;
    known.set(key, value);
    void setContext(key, value);
  };
  const updateState = (): void => {
    update('fleet.state', session.state.kind);
    void homeExists(session.home).then(exists => update('fleet.hasHome', exists));
  };
  const updateModel = (): void => {
    const fanOuts = [...model.tasks.values()].flatMap(({ fan_out: fanOut }) => fanOut ?? []);
    const workers = model.fleet?.instances.filter(
      ({ role, status }) => role === 'worker' && status === 'live',
    );
    update('fleet.workers', workers?.length ?? 0);
    update('fleet.isFrozen', holdsOf(model.fleet).length > 0);
    update('fleet.hasTasks', model.tasks.size > 0);
    update('fleet.hasFanOuts', fanOuts.length > 0);
    update(
      'fleet.hasJoined',
      fanOuts.some(({ complete }) => complete),
    );
  };
  const updateScope = (): void => {
    update('fleet.isEverywhere', scope.isEverywhere);
    update('fleet.isFiltered', scope.text !== '');
  };
  updateState();
  updateModel();
  updateScope();
  return [session.onDidChange(updateState), model.onDidChange(updateModel), scope.onDidChange(updateScope)];
}
