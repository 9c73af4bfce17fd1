import type { LiveDocument } from '../../contract/documents.ts';
import type { EngineEvent } from '../../contract/engine.ts';
import { printJson, printLines } from '../context.ts';
import type { Context } from '../verb.ts';
import { EXIT } from '../exit-codes.ts';
import { liveChangeLines, liveLines } from '../render/live.ts';
import { fleetStatusLines } from '../render/fleet.ts';
import { linkedController } from '../../contract/linked-controller.ts';
import { followFleet } from './follow-fleet.ts';
import { Screen } from './screen.ts';

/** The interval at which the running times are redrawn on a terminal, in milliseconds. */
const REDRAW_MS = 1_000;
const CTRL_C = '\u0003';

/**
 * Runs `fleet status --live`: shows the fleet until the user leaves.
 * @returns 0, because leaving is its normal end
 * @throws the engine's error, if it went away and did not come back
 */
export async function watchFleet(context: Context): Promise<number> {
  const { out, terminal, env, settings } = context;
  if (settings.json) await follow(context, context.signal, documentPerChange(context));
  else if (terminal === null || !out.isTTY || env['TERM'] === 'dumb')
    await follow(context, context.signal, linePerChange(context));
  else await onScreen(context, terminal);
  return EXIT.done;
}

type Show = (live: LiveDocument) => void;

/** The events that print lines. A heartbeat only redraws the terminal. */
const CHANGES: readonly EngineEvent['kind'][] = ['task', 'instance'];

async function follow(
  context: Context,
  signal: AbortSignal,
  show: Show,
  kinds: readonly EngineEvent['kind'][] = CHANGES,
): Promise<void> {
  try {
    const { engine } = await context.client();
    for await (const live of followFleet(engine, kinds, signal)) {
      show(live);
      await context.out.flush();
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}

async function onScreen(context: Context, terminal: NonNullable<Context['terminal']>): Promise<void> {
  const { out, signal } = context;
  const { controller: left, release } = linkedController([signal]);
  const screen = new Screen(out);
  let last: { readonly live: LiveDocument; readonly readAt: number } | undefined;
  const draw = (): void => {
    if (last === undefined) return;
    const ageSecs = (performance.now() - last.readAt) / 1000;
    screen.show(liveLines(last.live, { ageSecs, columns: out.columns }, out.colours));
  };
  const restore = terminal.take({
    onKey: key => {
      if (key === 'q' || key === 'Q' || key === CTRL_C) left.abort();
    },
    onResize: draw,
    onEnd: () => screen.leave(),
  });
  const timer = setInterval(draw, REDRAW_MS);
  try {
    screen.enter();
    await follow(
      context,
      left.signal,
      live => {
        last = { live, readAt: performance.now() };
        draw();
      },
      [...CHANGES, 'heartbeat'],
    );
  } finally {
    clearInterval(timer);
    release();
    restore();
  }
}

function linePerChange(context: Context): Show {
  let last: LiveDocument | undefined;
  return live => {
    const { colours } = context.out;
    if (last === undefined) printLines(context.out, fleetStatusLines(live, colours));
    printLines(context.out, liveChangeLines(last, live, colours));
    last = live;
  };
}

/** Prints the whole document on one line, at each change. Running times alone are not a change. */
function documentPerChange(context: Context): Show {
  let last = '';
  return live => {
    const key = JSON.stringify([
      live.instances.map(({ did, status, health, active_dispatches: load }) => [did, status, health, load]),
      live.running.map(({ thread, index, attempt }) => [thread, index, attempt]),
      live.fan_outs.map(({ thread, counts, complete }) => [thread, counts, complete]),
      [live.freezes, live.emergency],
    ]);
    if (key !== last) printJson(context.out, live);
    last = key;
  };
}
