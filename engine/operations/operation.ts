import * as v from 'valibot';
import type { Scope } from '../contract/tokens.ts';
import type { Confinement } from './confinement.ts';
import type { CommandContext, ReportContext } from './context.ts';

/**
 * An operation is a command or a report of the engine, with everything particular to it. The HTTP server, the client,
 * the OpenAPI document, the scopes of tokens, the confinement to a namespace and the coordinator's dispatch all read
 * this object.
 *
 * An operation imports types of the rules but none of their code; its handler receives the code in its context. A short
 * command of `spl` can therefore load the list of operations without loading the coordinator.
 */

/** A member of an input that is in the query. Limits are inclusive. */
export type QueryParameter =
  | { readonly name: string; readonly kind: 'text'; readonly absent?: null }
  | { readonly name: string; readonly kind: 'flag'; readonly optional?: true }
  /** Whole numbers separated by commas, at most `most` of them. */
  | { readonly name: string; readonly kind: 'numbers'; readonly most: number }
  | {
      readonly name: string;
      readonly kind: 'number';
      readonly min: number;
      readonly max: number;
      readonly absent?: number;
    };
export type Query = Readonly<Record<string, QueryParameter>>;

/** The maximum `limit` of a listing. */
export const MAX_PAGE = 10_000;

export const text = <const N extends string>(name: N) => ({ name, kind: 'text' }) as const;
export const flag = <const N extends string>(name: N) => ({ name, kind: 'flag' }) as const;
export const limit = { name: 'limit', kind: 'number', min: 1, max: MAX_PAGE, absent: 100 } as const;
export const position = <const N extends string>(name: N) =>
  ({ name, kind: 'number', min: 0, max: Number.MAX_SAFE_INTEGER }) as const;

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** The path, with `:member` for a member of the input. */
  readonly path: string;
  /** The query, by member of the input. The body has the members that are in neither the path nor the query. */
  readonly query?: Query;
}

/** The properties of every operation. */
export interface Operation<N extends string = string> extends Route {
  readonly name: N;
  /** Its line in the documentation. */
  readonly about: string;
  /** The scope that its token needs; null for no token. */
  readonly scope: Scope | null;
  /** The schema of the body. Every POST has one. */
  readonly body?: Body;
}

export interface Command<N extends string = string, I = never, O = unknown> extends Operation<N> {
  readonly body: Body;
  readonly output: v.GenericSchema<unknown, O>;
  /** `records`: the body is one record, or one record per line. */
  readonly form?: 'records';
  /** True where the body may be large. */
  readonly bulk?: true;
  /** True for a command that submits work. The caller's environment is sent along, and the work runs in it. */
  readonly submits?: true;
  /**
   * The mechanism that makes a repeated command harmless. `key`: the client sends an idempotency key. `content`:
   * records are named by their content. Default: `key`.
   */
  readonly idempotency?: 'key' | 'content';
  readonly patience?: Patience<I>;
  /** Carries out the command for the holder of a token that is confined to a namespace. */
  readonly confine: Confine<I, O>;
  readonly run: (input: I, context: CommandContext) => Promise<O>;
}

export interface Report<N extends string = string, I = never, O = unknown> extends Operation<N> {
  readonly output: v.GenericSchema<unknown, O>;
  /** True for a report that reads much. Each token gets one such answer at a time. */
  readonly costly?: true;
  /** True for a report about running processes. Any other report can be answered from the home alone. */
  readonly needsFleet?: true;
  readonly confine: Confine<I, O>;
  readonly answer: (input: I, context: ReportContext) => Promise<O> | O;
}

/** The limits of the client's wait for an answer. */
export interface Patience<I> {
  /** Milliseconds. Default: the client's own. */
  readonly timeoutMs?: number;
  /** The seconds for which the engine itself waits before it answers. */
  readonly graceSecs?: (input: I) => number;
  /** False for a command after which no engine may be left to ask again. */
  readonly retries?: false;
}

/**
 * Runs an operation inside a namespace: checks the input, makes the call, and removes from the answer what lies
 * outside.
 */
export type Confine<I, O> = (input: I, inside: Confinement, call: (input: I) => Promise<O>) => Promise<O>;

type Body = v.GenericSchema<unknown, object>;

/** The schema of a body without members. */
export const nothing = v.strictObject({});

/** The members in a path. */
type PathInput<P extends string> = P extends `${string}:${infer M}/${infer Rest}`
  ? { readonly [K in M]: string } & PathInput<`/${Rest}`>
  : P extends `${string}:${infer M}`
    ? { readonly [K in M]: string }
    : object;

type Value<Q extends QueryParameter> = Q extends { kind: 'flag' }
  ? boolean
  : Q extends { kind: 'numbers' }
    ? readonly number[]
    : Q extends { kind: 'number' }
      ? number
      : Q extends { absent: null }
        ? string | null
        : string;

/** The members that always have a value, because their absence in the query has a meaning. */
type Always<Q extends Query> = {
  [M in keyof Q]: Q[M] extends { optional: true }
    ? never
    : Q[M] extends { kind: 'flag' } | { absent: unknown }
      ? M
      : never;
}[keyof Q];

type QueryInput<Q extends Query> = { readonly [M in Always<Q>]: Value<Q[M]> } & {
  readonly [M in Exclude<keyof Q, Always<Q>>]?: Value<Q[M]>;
};

type None = Readonly<Record<never, never>>;
type Input<P extends string, B, Q extends Query> = PathInput<P> & B & QueryInput<Q>;

type Spec<T, P extends string, B, Q extends Query> = Omit<T, 'path' | 'body' | 'query'> & {
  readonly path: P;
  readonly body?: v.GenericSchema<unknown, B & object>;
  readonly query?: Q;
};

/** Defines a command. Its input consists of the path and the body. */
export function command<const N extends string, const P extends string, O, B = object>(
  spec: Omit<Spec<Command<N, Input<P, B, None>, O>, P, B, None>, 'query'>,
): Command<N, Input<P, B, None>, O> {
  return { body: nothing, ...spec };
}

/** Defines a report. Its input consists of the path, the query and the body. */
export function report<
  const N extends string,
  const P extends string,
  O,
  B = object,
  const Q extends Query = None,
>(spec: Spec<Report<N, Input<P, B, Q>, O>, P, B, Q>): Report<N, Input<P, B, Q>, O> {
  return spec.method === 'POST' ? { body: nothing, ...spec } : spec;
}
