import * as vscode from 'vscode';
import type { FleetDocument, InstanceDocument, LiveDocument } from '../../engine/contract/documents.ts';
import { holdsOf } from '../model/holds.ts';
import { holdDetail, holdText, instanceDescription } from '../views/appearance.ts';
import { localTime, span } from '../views/words.ts';
import { code, factTable, literal, page, table, type Fact } from './markdown.ts';

/** Returns the page of the fleet: what holds it, its processes, and what runs. */
export function fleetPage(fleet: FleetDocument, live: LiveDocument, hosting: boolean): string {
  const t = vscode.l10n.t;
  const holds = holdsOf(fleet);
  return page(
    `# ${t('Fleet')}`,
    holds.map(hold => `> ⚠ ${literal(`${holdText(hold)}, ${holdDetail(hold)}`)}`).join('\n>\n'),
    table(
      [t('Process'), t('State'), t('Up for'), t('Last seen')],
      fleet.instances.map(instance => [
        literal(instance.alias),
        literal(instanceDescription(instance, hosting && instance.role === 'coordinator', holds)),
        literal(span(instance.uptime_secs)),
        instance.last_heartbeat_unix === null ? '–' : literal(localTime(instance.last_heartbeat_unix)),
      ]),
    ),
    `## ${t('Running')}`,
    live.running.length === 0
      ? t('Nothing runs now.')
      : table(
          [t('Subtask'), t('Task'), t('Worker'), t('For')],
          live.running.map(each => [
            literal(each.name ?? each.goal),
            literal(each.alias),
            literal(each.worker),
            literal(span(each.elapsed_secs)),
          ]),
        ),
  );
}

/** Returns the page of one process of the fleet. */
export function instancePage(instance: InstanceDocument, hosting: boolean): string {
  const t = vscode.l10n.t;
  const facts: readonly Fact[] = [
    [t('State'), literal(instanceDescription(instance, hosting && instance.role === 'coordinator'))],
    [t('Up for'), literal(span(instance.uptime_secs))],
    [
      t('Last seen'),
      instance.last_heartbeat_unix === null ? null : literal(localTime(instance.last_heartbeat_unix)),
    ],
    [t('Process'), String(instance.pid)],
    [t('Version'), literal(instance.version)],
    [t('Home'), code(instance.home)],
    [t('Address'), instance.endpoint === null ? null : code(instance.endpoint)],
    [t('Identity'), code(instance.did)],
  ];
  return page(`# ${literal(instance.alias)}`, factTable(facts));
}
