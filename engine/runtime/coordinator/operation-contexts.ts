import { randomBytes } from 'node:crypto';
import * as domain from '../../domain/operations.ts';
import type { Coordinator } from '../../domain/coordinator/coordinator.ts';
import type { CelCompiler } from '../../domain/model/predicate.ts';
import { admitRecord } from '../../domain/policy/admission.ts';
import type { FleetFacts } from '../../domain/views/views.ts';
import type { Log } from '../../log/log.ts';
import type {
  CommandContext,
  FleetPort,
  RecordIntake,
  ReportContext,
  TokenStore,
} from '../../operations/context.ts';
import type { CommandName } from '../../operations/index.ts';
import { threadIdFromBytes } from '../../record/ids.ts';
import type { Logger } from '../logger.ts';
import { removeWorktreeOf, worktreesOf } from '../worktrees/fleet.ts';
import type { WorktreeOwner } from '../worktrees/names.ts';
import { appendRecords, decodeRecords } from './append-records.ts';
import { healthOf } from './health-of.ts';
import type { KeyedCommands, KeyedContext } from './keyed-commands.ts';
import { recordSearchFor, type Asker, type RecordSource } from './record-source.ts';
import { decodeRestored, restoreRecords } from './restore-records.ts';
import type { WorkSubmission } from './work-submission.ts';

export interface OperationContextsOptions {
  readonly coordinator: Coordinator;
  readonly cel: CelCompiler;
  readonly log: Log;
  readonly logger: Logger;
  readonly tokens: TokenStore;
  readonly records: RecordSource;
  readonly fleet: FleetPort;
  readonly keyed: KeyedCommands;
  readonly work: WorkSubmission;
  /** The folder of the home. */
  readonly home: string;
  readonly facts: () => FleetFacts;
  readonly now: () => number;
}

/** Creates the contexts in which the handlers of `engine/operations` run. */
export class OperationContexts {
  readonly #options: OperationContextsOptions;

  constructor(options: OperationContextsOptions) {
    this.#options = options;
  }

  ofCommand(name: CommandName, caller: KeyedContext): CommandContext {
    const { coordinator, cel, tokens, logger, fleet, keyed, work } = this.#options;
    return {
      domain,
      coordinator,
      cel,
      tokens,
      caller,
      fleet,
      recorded: decide => keyed.command(caller, decide),
      noted: decide => keyed.noted(name, caller, decide),
      once: (run, kept) => keyed.once(name, caller, run, kept),
      work: work.of(caller),
      records: this.#intake,
      worktrees: {
        remove: input =>
          removeWorktreeOf(coordinator.state.instances.values(), input, attempt => this.#isRunning(attempt)),
      },
      newThread: () => threadIdFromBytes(randomBytes(32)),
      info: message => logger.info(message),
    };
  }

  ofReport(asker: Asker): ReportContext {
    const { coordinator, cel, tokens, home, log, records, facts, now } = this.#options;
    return {
      domain,
      coordinator,
      cel,
      tokens,
      facts: facts(),
      home,
      log,
      records: recordSearchFor(records, asker),
      now: now(),
      worktrees: { list: () => worktreesOf(coordinator.state.instances.values()) },
      healthOf,
    };
  }

  readonly #intake: RecordIntake = {
    append: async values => {
      const { coordinator, cel, log } = this.#options;
      const records = await decodeRecords(values);
      return ({ now }) =>
        appendRecords(records, {
          log,
          admit: record => admitRecord(coordinator.state, record, cel, now),
          write: sealed => coordinator.writeForeign(sealed, now),
        });
    },
    restore: async input => {
      const { coordinator, cel, log } = this.#options;
      const entries = await decodeRestored(input);
      return issuer => restoreRecords(coordinator, entries, log, input, cel, issuer);
    },
  };

  /** Returns true while a worker has an attempt, as far as the coordinator knows. */
  #isRunning({ task, index, attempt }: WorktreeOwner): boolean {
    for (const each of this.#options.coordinator.state.tasks.values()) {
      const child = each.facts.alias === task ? each.fanOut?.children[index] : undefined;
      if (child?.state === 'assigned' && child.attempt === attempt) return true;
    }
    return false;
  }
}
