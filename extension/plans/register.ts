import type * as vscode from 'vscode';
import { DisposableStore } from '../disposable.ts';
import { PlanDecorations } from './decorations.ts';
import { PlanLenses } from './lenses.ts';
import { Plans, type PlanHost } from './plans.ts';
import { PlanPreviews } from './preview.ts';

/** The services of plans for the rest of this window. */
export interface RegisteredPlans extends vscode.Disposable {
  readonly plans: Plans;
  /** Shows the graph of a plan beside it. */
  readonly preview: (uri: vscode.Uri) => void;
}

export function registerPlans(host: PlanHost, extensionUri: vscode.Uri): RegisteredPlans {
  const store = new DisposableStore();
  const { access, log } = host;
  const plans = store.add(new Plans(host));
  store.add(new PlanLenses(plans, access));
  store.add(new PlanDecorations(plans, log));
  const previews = store.add(new PlanPreviews({ extensionUri, plans, log }));
  return { plans, preview: uri => previews.show(uri), dispose: () => store.dispose() };
}
