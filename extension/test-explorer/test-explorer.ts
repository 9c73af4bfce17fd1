import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import type { Changed } from '../../engine/client/follow.ts';
import { FleetError, messageOf } from '../../engine/errors.ts';
import type { EngineAccess } from '../access.ts';
import { DisposableStore } from '../disposable.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { sentences } from '../plain.ts';
import { PLAN_FILES } from '../plans/plan-files.ts';
import type { PlanRuns } from '../plans/plan-runs.ts';
import type { Plans } from '../plans/plans.ts';
import type { StartPlan, StartedRun } from '../plans/start.ts';
import { PlanItems } from './plan-items.ts';
import { ReportedRun } from './reported-run.ts';

/** The services of the Test Explorer. */
export interface TestExplorerHost {
  readonly access: EngineAccess;
  readonly model: FleetModel;
  readonly plans: Plans;
  readonly runs: PlanRuns;
  readonly log: vscode.LogOutputChannel;
  readonly start: StartPlan;
}

/** Adds plans to the Test Explorer, once there is a plan: a window without plans shows no Testing view. */
export function testExplorer(host: TestExplorerHost): vscode.Disposable {
  const store = new DisposableStore();
  let isThere = false;
  const begin = (): void => {
    if (isThere) return;
    isThere = true;
    store.add(new TestExplorer(host));
  };
  store.add(host.plans.onDidChange(begin));
  void vscode.workspace.findFiles(PLAN_FILES, undefined, 1).then(found => {
    if (found.length > 0) begin();
  });
  return store;
}

/**
 * The plans of the workspace in the Test Explorer. Runs of a plan that were started elsewhere in the editor are reported
 * as well, so that the icons beside its subtasks show them.
 */
export class TestExplorer implements vscode.Disposable {
  readonly #host: TestExplorerHost;
  readonly #controller: vscode.TestController;
  readonly #items: PlanItems;
  readonly #owned: vscode.Disposable[];
  readonly #closed = new AbortController();
  /** The plans that this explorer is starting, and the threads of the runs that it reports. */
  readonly #starting = new Set<string>();
  readonly #reporting = new Set<string>();

  constructor(host: TestExplorerHost) {
    this.#host = host;
    this.#controller = vscode.tests.createTestController('fleet.plans', vscode.l10n.t('Fleet Plans'));
    this.#items = new PlanItems(this.#controller, host.plans);
    this.#owned = [
      this.#items,
      host.runs.onDidRun(uri => void this.#noteRun(uri)),
      host.model.onDidChange(changed => this.#fleetChanged(changed)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.#offerRuns()),
      this.#controller,
    ];
    this.#offerRuns();
  }

  dispose(): void {
    this.#closed.abort();
    for (const owned of this.#owned) owned.dispose();
  }

  /** In a folder that is not trusted, nothing can be run. */
  #offerRuns(): void {
    if (!vscode.workspace.isTrusted) return;
    const run = (request: vscode.TestRunRequest, token: vscode.CancellationToken): Promise<void> =>
      this.#run(request, token);
    this.#controller.createRunProfile(vscode.l10n.t('Run'), vscode.TestRunProfileKind.Run, run, true);
  }

  async #run(request: vscode.TestRunRequest, token: vscode.CancellationToken): Promise<void> {
    const run = this.#controller.createTestRun(request);
    try {
      await Promise.all(
        [...(await this.#asked(request))].map(([plan, names]) => this.#runPlan(run, plan, names, token)),
      );
    } finally {
      run.end();
    }
  }

  /** Returns the plans to run, each with the names of the subtasks to run; null for all. */
  async #asked({
    include,
    exclude = [],
  }: vscode.TestRunRequest): Promise<Map<vscode.TestItem, string[] | null>> {
    const asked = new Map<vscode.TestItem, string[] | null>();
    const plans = [...this.#controller.items].map(([, item]) => item);
    for (const item of include ?? plans) {
      const plan = item.parent ?? item;
      if (item.parent === undefined) asked.set(plan, null);
      else if (asked.get(plan) !== null) asked.set(plan, [...(asked.get(plan) ?? []), item.id]);
    }
    for (const item of exclude) {
      const plan = item.parent ?? item;
      if (item.parent === undefined) asked.delete(plan);
      if (item.parent === undefined || !asked.has(plan)) continue;
      if (plan.children.size === 0) await this.#items.resolve(plan);
      const names = asked.get(plan) ?? [...plan.children].map(([id]) => id);
      asked.set(
        plan,
        names.filter(name => name !== item.id),
      );
    }
    return asked;
  }

  async #runPlan(
    run: vscode.TestRun,
    plan: vscode.TestItem,
    names: readonly string[] | null,
    token: vscode.CancellationToken,
  ): Promise<void> {
    if (names?.length === 0) return;
    this.#starting.add(plan.id);
    try {
      if (plan.children.size === 0) await this.#items.resolve(plan);
      for (const [name, item] of plan.children)
        if (names === null || names.includes(name)) run.enqueued(item);
      const started = await this.#host.start(plan.uri!, { ...(names !== null && { subtasks: names }) });
      if (started === undefined) return;
      this.#reporting.add(started.thread);
      this.#starting.delete(plan.id);
      await this.#report(run, plan, started, token);
    } catch (thrown) {
      run.errored(plan, new vscode.TestMessage(sentences(thrown)));
    } finally {
      this.#starting.delete(plan.id);
    }
  }

  async #report(
    run: vscode.TestRun,
    plan: vscode.TestItem,
    { client, thread }: StartedRun,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const cancel = (): void => void this.#cancel(client, thread);
    const listening = token.onCancellationRequested(cancel);
    if (token.isCancellationRequested) cancel();
    const signal = this.#closed.signal;
    try {
      await new ReportedRun({ items: this.#items, run, plan, client, thread, signal }).report();
    } finally {
      listening.dispose();
      this.#reporting.delete(thread);
    }
  }

  async #cancel(client: EngineClient, thread: string): Promise<void> {
    try {
      await client.submit('task.cancel', { task: thread, subtask: null, reason: null });
    } catch (thrown) {
      // It may have ended meanwhile.
      if (!FleetError.is(thrown, 'CONFLICT')) this.#host.log.error(`cancel: ${messageOf(thrown)}`);
    }
  }

  // --- runs that were started elsewhere ---------------------------------------------------------------------------

  #fleetChanged({ all, tasks }: Changed): void {
    for (const { uri, thread } of this.#host.runs.all)
      if ((all || tasks.has(thread)) && this.#host.model.task(thread)?.fan_out?.under_way === true)
        void this.#noteRun(uri);
  }

  /** Reports the last run of a plan, unless it is reported already. */
  async #noteRun(uri: string): Promise<void> {
    const thread = this.#host.runs.threadOf(uri);
    const { client } = this.#host.access;
    if (thread === undefined || client === undefined) return;
    if (this.#starting.has(uri) || this.#reporting.has(thread)) return;
    this.#reporting.add(thread);
    const plan = this.#items.plan(vscode.Uri.parse(uri));
    try {
      if (plan.children.size === 0) await this.#items.resolve(plan);
      const request = new vscode.TestRunRequest([plan], undefined, undefined, false, true);
      const run = this.#controller.createTestRun(request, undefined, false);
      try {
        await this.#report(run, plan, { client, thread }, run.token);
      } finally {
        run.end();
      }
    } catch (thrown) {
      this.#host.log.debug(`test explorer: ${messageOf(thrown)}`);
    } finally {
      this.#reporting.delete(thread);
    }
  }
}
