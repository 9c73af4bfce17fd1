/** The interval at which the time is drawn anew, in milliseconds. */
const REDRAW_MS = 1_000;

/** Prints what is done while `work` goes on, on a terminal with the seconds that have passed. @returns its result. */
export async function showProgress(what, work) {
  const begun = performance.now();
  const elapsed = () => `${Math.floor((performance.now() - begun) / 1_000)} s`;
  const { isTTY } = process.stdout;
  const draw = () => process.stdout.write(isTTY ? `\r${what} … ${elapsed()}` : `${what} …\n`);
  draw();
  const timer = isTTY ? setInterval(draw, REDRAW_MS) : undefined;
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (isTTY) process.stdout.write('\n');
  }
}
