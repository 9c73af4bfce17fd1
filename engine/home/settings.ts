import * as os from 'node:os';
import * as v from 'valibot';
import { FleetError } from '../errors.ts';
import type { Did } from '../record/ids.ts';
import { values } from './config-schema.ts';
import type { Config } from './config.ts';

/** The values of flags: numbers are parsed, and nothing is checked yet. */
export interface Flags {
  readonly serveUrl?: string | undefined;
  readonly token?: string | undefined;
  readonly actor?: string | undefined;
  readonly coordinatorUrl?: string | undefined;
  readonly advertisedEndpoint?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly executor?: string | undefined;
  readonly slots?: number | undefined;
  readonly heartbeatIntervalSecs?: number | undefined;
  readonly workerIdleExitSecs?: number | undefined;
  readonly outputCapBytes?: number | undefined;
}

/**
 * The settings from flags, environment, `config.toml` and defaults. Null means that the default depends on the role.
 */
export interface Settings {
  /** The author of people's records. */
  readonly actor: Did;
  readonly displayName: string | null;
  /** The URL of the engine that a client uses in place of the home's socket. */
  readonly serveUrl: string | null;
  /** The token for `serveUrl`; null: the home's own. */
  readonly token: string | null;
  readonly coordinatorUrl: string | null;
  readonly advertisedEndpoint: string | null;
  readonly host: string;
  /** 0 lets the system choose; null stands for the default of the role (9100, 9201, …). */
  readonly port: number | null;
  readonly executor: string;
  /** The number of concurrent attempts, 1 to 64. */
  readonly slots: number;
  readonly heartbeatIntervalMs: number;
  /** The time after which a worker without a coordinator and without work exits. */
  readonly workerIdleExitMs: number;
  /** The time without a sign of life after which an attempt is stalled, 0 for never, and the action then. */
  readonly stall: { readonly afterMs: number; readonly policy: 'notify' | 'nudge' | 'end' };
  /** The time-out in seconds of subtasks that set none; null for none. */
  readonly timeoutSecs: number | null;
  /** The number of bytes of output that are kept of one attempt. */
  readonly outputCapBytes: number;
}

/**
 * Flags override the environment, which overrides `config.toml`, which overrides the defaults. An empty variable counts
 * as unset.
 * @throws USAGE naming the flag or the variable and the values that it may have.
 */
export function settings(flags: Flags, env: NodeJS.ProcessEnv, config: Config): Settings {
  const { identity, server, fleet } = config;
  const text = (name: string): string | undefined => env[name] || undefined;
  const pick = <S extends AnySchema>(
    schema: S,
    flag: readonly [string, unknown],
    variable?: readonly [string, unknown],
  ): v.InferOutput<S> | undefined => {
    const [name, value] = flag[1] === undefined ? (variable ?? flag) : flag;
    return value === undefined ? undefined : checked(schema, name, value);
  };

  return {
    actor:
      pick(values.actor, ['--actor', flags.actor], ['SPL_ACTOR', text('SPL_ACTOR')]) ??
      identity.actor ??
      defaultActor(env),
    displayName: identity.display_name ?? null,
    serveUrl:
      pick(values.url, ['--serve-url', flags.serveUrl], ['SPL_SERVE_URL', text('SPL_SERVE_URL')]) ?? null,
    token: pick(values.text, ['--token', flags.token], ['SPL_TOKEN', text('SPL_TOKEN')]) ?? null,
    coordinatorUrl:
      pick(
        values.url,
        ['--coordinator-url', flags.coordinatorUrl],
        ['SPL_FLEET_COORDINATOR_URL', text('SPL_FLEET_COORDINATOR_URL')],
      ) ??
      fleet.coordinator_url ??
      null,
    advertisedEndpoint:
      pick(values.url, ['--advertised-endpoint', flags.advertisedEndpoint]) ??
      fleet.advertised_endpoint ??
      null,
    host: pick(values.text, ['--host', flags.host]) ?? server.host ?? '127.0.0.1',
    port: pick(values.port, ['--port', flags.port]) ?? server.port ?? null,
    executor: pick(values.text, ['--executor', flags.executor]) ?? fleet.executor ?? 'echo',
    slots: pick(values.slots, ['--slots', flags.slots]) ?? fleet.slots ?? 1,
    heartbeatIntervalMs: milliseconds(
      pick(values.heartbeatSecs, ['--heartbeat-interval', flags.heartbeatIntervalSecs]) ??
        fleet.heartbeat_interval_secs ??
        5,
    ),
    workerIdleExitMs: milliseconds(
      pick(values.idleExitSecs, ['--worker-idle-exit', flags.workerIdleExitSecs]) ??
        fleet.worker_idle_exit_secs ??
        600,
    ),
    stall: { afterMs: milliseconds(fleet.stall_secs ?? 300), policy: fleet.stall_policy ?? 'notify' },
    timeoutSecs: fleet.timeout_secs ?? null,
    outputCapBytes:
      pick(values.outputCapBytes, ['--output-cap', flags.outputCapBytes]) ??
      fleet.output_cap_bytes ??
      64 * 1024 * 1024,
  };
}

/**
 * Returns `did:sync:user:‹name›` for the user that runs this process; characters that a DID may not hold are removed.
 */
export function defaultActor(env: NodeJS.ProcessEnv): Did {
  const name = userName(env)
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9._@+-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 128);
  return `did:sync:user:${name || 'user'}` as Did;
}

function userName(env: NodeJS.ProcessEnv): string {
  try {
    return os.userInfo().username;
  } catch {
    // A user id without an entry in the list of users, as in many containers.
    return env['USER'] ?? '';
  }
}

type AnySchema = v.GenericSchema<unknown>;

function checked<S extends AnySchema>(schema: S, name: string, value: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw new FleetError('USAGE', `${name} ${result.issues[0].message}`, { details: { setting: name } });
}

const milliseconds = (secs: number): number => Math.round(secs * 1000);
