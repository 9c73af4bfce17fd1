import * as path from 'node:path';
import * as v from 'valibot';
import { celCompiler } from './domain/join/cel.ts';
import { Coordinator } from './domain/coordinator/coordinator.ts';
import * as domain from './domain/operations.ts';
import { FleetError } from './errors.ts';
import { openHome } from './home/home.ts';
import { readingFiles } from './log/file/files.ts';
import { openIndex } from './log/index/index.ts';
import { openState } from './open-state.ts';
import { besideThis, DisposableStore } from './opened.ts';
import type { ReportContext } from './operations/context.ts';
import type { Engine } from './operations/engine.ts';
import { reportNamed } from './operations/index.ts';
import { recordSearchFor } from './runtime/coordinator/record-source.ts';
import { Tokens } from './runtime/coordinator/tokens.ts';
import { worktreesOf } from './runtime/worktrees/fleet.ts';
import { openOutput } from './runtime/output/outputs.ts';

/** The reports of a home whose coordinator does not run. */
export interface HomeReader extends Pick<Engine, 'report' | 'output' | 'close'> {
  /** The number of open fan-outs, which continue when a coordinator serves the home. */
  readonly openFanOuts: number;
}

/**
 * Reads a home without its lease. Writes nothing, and may be used beside a coordinator: it answers with the records that
 * the log had when it was opened.
 * @throws NOT_FOUND if there is no home; HOME_INVALID, HOME_NEWER, LOG_DAMAGED, LOG_SHORT
 */
export async function readHome(folder: string): Promise<HomeReader> {
  const home = await openHome(folder, { create: false });
  const owned = new DisposableStore();
  const { log, clock, state } = await openState(home, readingFiles);
  owned.add(() => log.close());
  const records = openIndex({
    logDir: home.paths.logDir,
    file: path.join(home.paths.indexDir, 'records.sqlite'),
    workerFile: besideThis('index-thread.js', './log/index/thread.ts'),
    log,
    readOnly: true,
  });
  owned.add(() => records.close());
  const tokens = await Tokens.open({ file: home.paths.tokensFile, now: Date.now });
  owned.add(() => Promise.resolve(tokens.close()));
  const { fleet } = state;
  const coordinator = new Coordinator({ self: home.key.did, cel: celCompiler, heartbeatMs: 0, state: fleet });
  const contextOf = (signal?: AbortSignal): ReportContext => ({
    ...{ domain, coordinator, cel: celCompiler, tokens, log, home: home.paths.home, now: clock.now() },
    records: recordSearchFor(records, signal === undefined ? {} : { signal }),
    worktrees: { list: () => worktreesOf(fleet.instances.values()) },
    get facts() {
      return needsFleet();
    },
    healthOf: needsFleet,
  });
  return {
    openFanOuts: fleet.open.size,
    async report(name, input, signal) {
      const { answer, output } = await reportNamed(name);
      // A client reads documents with the same schema, which also orders their members.
      return v.parse(output, await answer(input, contextOf(signal)));
    },
    async output(request) {
      const stream = await openOutput(coordinator, { ...request, follow: false }, needsFleet);
      if (request.follow && stream.info.running) needsFleet();
      return stream;
    },
    close: () => owned.close(),
  };
}

function needsFleet(): never {
  throw new FleetError('UNREACHABLE', 'no coordinator serves the home');
}
