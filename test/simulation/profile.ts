import type { Random } from './random.ts';

/** The fleet of a seed, and its faults. Rates are mean times between two events, in ms. */
export interface Profile {
  readonly workers: number;
  readonly slots: number;
  readonly heartbeatMs: number;
  /** The duration of the faults, in ms. */
  readonly chaosMs: number;
  readonly commands: number;
  readonly commitMs: () => number;
  readonly delayMs: () => number;
  /** The chance that the process of a step crashes within some milliseconds after it. */
  readonly crashAfterStep: number;
  /** The chance that a message is the last on its connection. */
  readonly breakAfterMessage: number;
  readonly coordinatorCrashMs: number;
  readonly coordinatorStallMs: number;
  readonly workerCrashMs: number;
  readonly workerHangMs: number;
  readonly linkBreakMs: number;
  readonly workerStopMs: number;
  /** The chance that the supervisor abandons a dead worker. */
  readonly giveUp: number;
  /** The chance that an attempt does not accept. */
  readonly failures: number;
  /** The chance that an attempt runs until it is ended. */
  readonly endless: number;
  /** The chance that an attempt ends without quota. */
  readonly quotas: number;
  /** The number of freezes per query of a task. */
  readonly freezes: number;
  /** The chance that an attempt with side effects shows no sign of life for a while, or to its end. */
  readonly stalls: number;
}

const NEVER = Number.POSITIVE_INFINITY;

export function drawProfile(random: Random): Profile {
  const workers = Math.round(random.chance(0.08) ? random.magnitude(8, 50) : random.magnitude(1, 7));
  const chaosMs = random.magnitude(4_000, 90_000);
  const harm = (chance: number): number => (random.chance(chance) ? chaosMs / random.magnitude(1, 8) : NEVER);
  const calm = random.chance(0.1);
  const slow = random.chance(0.3);
  const farAway = random.chance(0.2);
  return {
    workers,
    slots: random.weighted([
      [6, 1],
      [2, 2],
      [1, 4],
    ]),
    heartbeatMs: workers > 10 ? 5_000 : random.pick([500, 1_000, 5_000]),
    chaosMs,
    commands: Math.round(random.magnitude(3, 40)),
    commitMs: () => (slow && random.chance(0.1) ? random.between(20, 800) : random.between(0.1, 3)),
    delayMs: () => (farAway ? random.between(1, 150) : random.between(0.05, 1.5)),
    crashAfterStep: calm || random.chance(0.4) ? 0 : random.magnitude(0.001, 0.02),
    breakAfterMessage: calm || random.chance(0.4) ? 0 : random.magnitude(0.001, 0.02),
    coordinatorCrashMs: calm ? NEVER : harm(0.4),
    coordinatorStallMs: calm ? NEVER : harm(0.25),
    workerCrashMs: calm ? NEVER : harm(0.5) / Math.sqrt(workers),
    workerHangMs: calm ? NEVER : harm(0.3) / Math.sqrt(workers),
    linkBreakMs: calm ? NEVER : harm(0.5) / Math.sqrt(workers),
    workerStopMs: calm ? NEVER : harm(0.25),
    giveUp: random.chance(0.3) ? 0.3 : 0,
    failures: random.pick([0, 0.1, 0.4]),
    endless: random.chance(0.3) ? 0.1 : 0,
    quotas: random.chance(0.15) ? 0.1 : 0,
    freezes: random.chance(0.5) ? random.magnitude(1, 6) : 0,
    stalls: random.chance(0.4) ? 0.3 : 0,
  };
}

/** Returns the profile of the same fleet without further faults. */
export function healed(profile: Profile, random: Random): Profile {
  return {
    ...profile,
    commitMs: () => random.between(0.1, 3),
    delayMs: () => random.between(0.05, 1.5),
    crashAfterStep: 0,
    breakAfterMessage: 0,
    giveUp: 0,
    quotas: 0,
    coordinatorCrashMs: NEVER,
    coordinatorStallMs: NEVER,
    workerCrashMs: NEVER,
    workerHangMs: NEVER,
    linkBreakMs: NEVER,
    workerStopMs: NEVER,
  };
}
