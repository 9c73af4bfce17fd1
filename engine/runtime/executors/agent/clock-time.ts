const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `resets 3:17am (UTC)`, `try again at Jul 23rd, 2026 4:15 AM`, `resets at 15:17`. */
const CLOCK_TIME =
  /\b(?:resets?(?: at)?|again (?:at|after))\s+(?:([a-z]{3})[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?,?(?: (\d{4}))?,?(?: at)?\s+)?(\d{1,2})(?::(\d\d))?(?!\d)\s*([ap]m)?\b(?:\s*\(([\w+/-]+)\))?/i;

/** The age up to which a time of day belongs to today: the text was printed a moment before it was read. */
const JUST_PAST_SECS = 300;
const DAY_SECS = 86_400;

/**
 * Returns the moment that a time of day in a text means: the next one from now on, in the named time zone or else in
 * this machine's, where the tool runs.
 * @param nowSecs in seconds since 1970
 * @returns seconds since 1970; undefined without a time, or in an unknown time zone.
 */
export function clockTimeIn(words: string, nowSecs: number): number | undefined {
  const match = CLOCK_TIME.exec(words);
  if (match === null) return undefined;
  const [, monthName, day, year, hourText, minute, half, zone] = match;
  const hour = hourOf(Number(hourText), half?.toLowerCase());
  const month = monthName === undefined ? undefined : MONTHS.indexOf(monthName.toLowerCase());
  if (hour === undefined || month === -1 || (minute === undefined && half === undefined)) return undefined;
  const today = wallClock(nowSecs, zone);
  if (today === undefined) return undefined;
  const at = (years: number, days: number): number => {
    const date = month === undefined ? today.getUTCDate() + days : Number(day);
    const wall = Date.UTC(
      (year === undefined ? today.getUTCFullYear() : Number(year)) + years,
      month ?? today.getUTCMonth(),
      date,
      hour,
      Number(minute ?? 0),
    );
    return momentOf(wall / 1000, zone);
  };
  const first = at(0, 0);
  if (first > nowSecs - JUST_PAST_SECS || year !== undefined) return first;
  return month === undefined ? at(0, 1) : at(1, 0);
}

function hourOf(hour: number, half: string | undefined): number | undefined {
  if (half === undefined) return hour < 24 ? hour : undefined;
  if (hour < 1 || hour > 12) return undefined;
  return (hour % 12) + (half === 'pm' ? 12 : 0);
}

/** Returns the time that clocks in a time zone show, as if it were UTC; undefined for an unknown zone. */
function wallClock(secs: number, zone: string | undefined): Date | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      ...(zone === undefined ? {} : { timeZone: zone }),
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    const parts = new Map(format.formatToParts(secs * 1000).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    return new Date(
      Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second')),
    );
  } catch {
    return undefined;
  }
}

/**
 * Returns the moment at which clocks in a time zone show this time. It is corrected twice, because the offset may
 * change in between.
 */
function momentOf(wall: number, zone: string | undefined): number {
  let secs = wall;
  for (let i = 0; i < 2; i++) secs += wall - Math.floor(wallClock(secs, zone)!.getTime() / 1000);
  return Math.abs(secs - wall) <= DAY_SECS ? secs : wall;
}
