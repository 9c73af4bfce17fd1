import type {
  FleetDocument,
  FleetStarted,
  FleetStopped,
  HealthDocument,
  InstanceDocument,
  PingDocument,
} from '../../contract/documents.ts';
import type { Colours } from './colours.ts';
import {
  duration,
  fields,
  loadText,
  moment,
  plural,
  portOf,
  printable,
  table,
} from '../../contract/format.ts';

/** Shortens the path of a home for people. */
export type ShowPath = (path: string) => string;

/** Returns one line of `fleet start`: `  [worker-a]    spawned PID 12 on :9201 (home=…)`. */
export function launchLine(
  alias: string,
  how: string,
  { pid, endpoint, home }: { pid: number | null; endpoint: string | null; home: string },
  showPath: ShowPath,
): string {
  const label = `[${alias}]`.padEnd(13);
  return `  ${label} ${how} PID ${pid ?? '–'} on ${portOf(endpoint)} (home=${showPath(home)})`;
}

/** Returns the lines on the result of `fleet start`, after the coordinator's own line. */
export function startedLines(started: FleetStarted, showPath: ShowPath, colours: Colours): readonly string[] {
  const adopted = started.instances.filter(({ did }) => started.adopted.includes(did));
  return [
    ...adopted.map(instance => launchLine(instance.alias, 'adopted', instance, showPath)),
    ...started.spawned.map(spawned => launchLine(spawned.alias, 'spawned', spawned, showPath)),
    ...started.notes.map(note => `  ${colours.yellow('⚠')} ${note}`),
    ...started.resumed.map(
      ({ thread, alias, done, subtasks }) => `  → resuming ${alias ?? thread}: ${done} of ${subtasks} done`,
    ),
    colours.green('fleet converged'),
    ...started.instances
      .filter(({ status }) => status === 'live')
      .map(({ alias, did, endpoint }) => `  ${alias.padEnd(11)} ${did} on ${portOf(endpoint)}`),
  ];
}

export function stoppedLines(stopped: FleetStopped, colours: Colours): readonly string[] {
  if (stopped.stopped.length === 0 && !stopped.coordinator_stopping) return ['· nothing to stop'];
  return stopped.stopped.map(({ alias, how, handed_back }) => {
    const back = handed_back === 0 ? '' : `, ${plural(handed_back, 'attempt')} handed back`;
    return `${colours.green('✓')} ${alias} stopped (${how}${back})`;
  });
}

const COLUMNS = ['DID', 'ENDPOINT', 'STATUS', 'VERSION', 'UPTIME', 'HEALTH', 'ALIAS', 'LOAD'];

export function fleetListLines(fleet: FleetDocument, colours: Colours): readonly string[] {
  const rows = fleet.instances.map(instance => [
    instance.did,
    instance.endpoint ?? '–',
    instance.status,
    instance.version,
    duration(Math.floor(instance.uptime_secs)),
    instance.health,
    instance.alias,
    loadText(instance),
  ]);
  return [...table(COLUMNS, rows), '', fleetFooter(fleet), ...noteLines(fleet, colours)];
}

/** Returns a line for each instance in a faulty state, with the reason. */
function noteLines({ instances }: FleetDocument, { yellow }: Colours): readonly string[] {
  return instances.flatMap(({ alias, status, note }) =>
    note === null ? [] : [`  ${yellow('⚠')} ${alias} is ${status}: ${printable(note)}`],
  );
}

export function fleetFooter({ live, stale, archived }: FleetDocument): string {
  return `${live} live · ${stale} stale · ${archived} archived`;
}

export function fleetStatusLines(fleet: FleetDocument, colours: Colours): readonly string[] {
  const freezes = fleet.freezes.map(
    ({ namespace, level, reason }) =>
      `  ${colours.yellow(`[${level}]`)} ${namespace}${reason === null ? '' : ` — ${printable(reason)}`}`,
  );
  const emergency =
    fleet.emergency === null
      ? 'no'
      : `yes, by ${fleet.emergency.issued_by}${fleet.emergency.reason === null ? '' : ` — ${fleet.emergency.reason}`}`;
  return [
    'Fleet status',
    ...fields([
      ['Coordinator', fleet.coordinator_url],
      ['Heartbeat', `every ${duration(fleet.heartbeat_interval_secs)}`],
      ['Instances', fleetFooter(fleet)],
      ['Active freezes', freezes.length === 0 ? 'none' : String(freezes.length)],
      ['Emergency stop', emergency],
    ]),
    ...freezes,
    ...fleet.stalled.map(
      ({ task, subtask, worker, stalled_secs: secs }) =>
        `  ${colours.yellow('⚠')} ${task} [${subtask}] on ${worker} shows no sign of life for ${duration(secs)}`,
    ),
    ...fleet.breakers.map(
      ({ executor, resets_at_unix: resetsAt, is_guess: isGuess = false }) =>
        `  ${colours.yellow('⚠')} executor ${executor} is out of quota` +
        (isGuess ? `, and tried again at ${moment(resetsAt)}` : ` until ${moment(resetsAt)}`),
    ),
    ...noteLines(fleet, colours),
  ];
}

export function instanceLines(instance: InstanceDocument, showPath: ShowPath): readonly string[] {
  return [
    `${instance.alias} · ${instance.role}`,
    ...fields([
      ['DID', instance.did],
      ['Endpoint', instance.endpoint ?? '–'],
      ['Status', instance.note === null ? instance.status : `${instance.status} (${instance.note})`],
      ['Version', instance.version],
      ['Uptime', duration(Math.floor(instance.uptime_secs))],
      ['Health', instance.health],
      ['Active dispatches', dispatchesText(instance)],
      ['Store records', String(instance.store_records)],
      ['Last heartbeat', instance.last_heartbeat_unix === null ? '–' : moment(instance.last_heartbeat_unix)],
      ['PID', instance.pid === null ? '–' : String(instance.pid)],
      ['Home', showPath(instance.home)],
    ]),
  ];
}

function dispatchesText({ role, active_dispatches: active, slots }: InstanceDocument): string {
  if (role === 'coordinator') return `${active} on all workers`;
  const waiting = active > slots ? `, ${active - slots} waiting` : '';
  return `${Math.min(active, slots)} of ${plural(slots, 'slot')}${waiting}`;
}

export function pingLine(ping: PingDocument, colours: Colours): string {
  if (!ping.reachable) {
    return `${colours.red('✗')} ${ping.did} is not reachable: ${ping.reason ?? 'no answer'}`;
  }
  const status = ping.status === 200 || ping.status === null ? '200 OK' : String(ping.status);
  return `${colours.green('✓')} ${ping.did} reachable in ${Math.round(ping.rtt_ms ?? 0)}ms (${status})`;
}

export function healthLines(health: HealthDocument, showPath: ShowPath): readonly string[] {
  return [
    `coordinator ${health.did} on ${portOf(health.endpoint)}`,
    ...fields([
      ['Status', health.status],
      ['PID', String(health.pid)],
      ['Version', health.version],
      ['Uptime', duration(Math.floor(health.uptime_secs))],
      ['Records', String(health.records)],
      ['Home', showPath(health.home)],
    ]),
  ];
}
