import type { Did } from '../../record/ids.ts';
import { TOPIC, type ChildDoneBody, type HeartbeatBody } from '../model/record-bodies.ts';

/** The body of a heartbeat of a worker, idle unless `changed` says otherwise. */
export const heartbeatBody = (did: Did, changed: Partial<HeartbeatBody> = {}): HeartbeatBody => ({
  topic: TOPIC.heartbeat,
  did,
  alias: 'worker',
  role: 'worker',
  endpoint: null,
  version: '1',
  health: 'healthy',
  pid: 1,
  pid_start: null,
  slots: 1,
  uptime_secs: 0,
  active_dispatches: 0,
  store_records: 0,
  ...changed,
});

/** The body of a report about a delivery, which has accepted unless `changed` says otherwise. */
export const reportBody = (
  of: Pick<ChildDoneBody, 'index' | 'attempt' | 'delivery'>,
  changed: Partial<ChildDoneBody> = {},
): ChildDoneBody => ({
  topic: TOPIC.childDone,
  ...of,
  verdict: 'accept',
  cost_usd: 0,
  wall_time_secs: 1,
  ...changed,
});
