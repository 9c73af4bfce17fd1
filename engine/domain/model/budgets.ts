import { budgetAmount, CURRENCIES, type Currency } from '../../contract/format.ts';

/**
 * Amounts per currency, in whole millionths. Sums stay exact, so that reserving and releasing an amount leaves no
 * remainder.
 */
export type Amounts = Record<Currency, number>;

/** The amounts spent, and the amounts reserved. */
export interface Account {
  /** The amounts that ended attempts spent. */
  readonly booked: Amounts;
  /** The shares of the attempts that are out. */
  readonly reserved: Amounts;
}

/** An account that must not be overdrawn. */
export interface LimitedAccount extends Account {
  /** Null in a currency without a limit. */
  readonly limit: Readonly<Record<Currency, number | null>>;
}

/** The limits of a fan-out and its spending. A fan-out without any limit has none. */
export interface Budget extends LimitedAccount {
  /** The largest share of any subtask. While that much is left, no subtask needs a check. */
  readonly largest: Readonly<Amounts>;
}

/** The shares of a subtask or the limits of a fan-out; null or absent for none. */
export type Budgeted = { readonly [K in `budget_${Currency}`]?: number | null };

/** Returns the budget of a fan-out, or null when it has no limit. Reads the subtasks only where there is a limit. */
export function budgetOf(limits: Budgeted, subtasks: readonly Budgeted[]): Budget | null {
  const limit = amounts(currency => inUnits(limits, currency));
  if (CURRENCIES.every(currency => limit[currency] === null)) return null;
  const largest = amounts(currency =>
    subtasks.reduce((most, subtask) => Math.max(most, inUnits(subtask, currency) ?? 0), 0),
  );
  return { limit, largest, ...newAccount() };
}

/** Returns an empty account. */
export function newAccount(): Account {
  return { booked: amounts(() => 0), reserved: amounts(() => 0) };
}

/** Returns a copy of an account with a limit in dollars, for trial reservations. */
export function limitedTo(usd: number, { booked, reserved }: Account): LimitedAccount {
  const limit = { usd: Math.round(usd * UNITS), tokens: null, secs: null };
  return { limit, booked, reserved: { ...reserved } };
}

/** Returns a copy of a budget for trial reservations. */
export function copyOf({ reserved, ...budget }: Budget): Budget {
  return { ...budget, reserved: { ...reserved } };
}

/** Reserves the share of a subtask whose attempt is out. */
export function reserve({ reserved }: Account, subtask: Budgeted): void {
  for (const currency of CURRENCIES) reserved[currency] += inUnits(subtask, currency) ?? 0;
}

/**
 * Releases the share of an attempt that is no longer out, and books its spending.
 * @param spent null when nothing was spent
 * @param isSeen false when no worker saw the attempt's end: it may have spent its whole share
 */
export function settle(account: Account, subtask: Budgeted, spent: Spent | null, isSeen: boolean): void {
  for (const currency of CURRENCIES) {
    const share = inUnits(subtask, currency) ?? 0;
    const reported = spent === null ? 0 : Math.round(spentIn(spent, currency) * UNITS);
    account.reserved[currency] -= share;
    account.booked[currency] += isSeen ? reported : Math.max(share, reported);
  }
}

/** Returns the currency in which a subtask must wait until others have ended; undefined when it need not wait. */
export function shortOf(account: LimitedAccount, subtask: Budgeted): Currency | undefined {
  return shortBeyond(account, subtask, currency => account.booked[currency] + account.reserved[currency]);
}

/** Explains that a subtask waits for its share in a currency; `whose` names the budget. */
export function describeShortage(
  account: LimitedAccount,
  subtask: Budgeted,
  currency: Currency,
  whose: string,
): string {
  return `waiting for its share of ${whose}: ${figures(account, subtask, currency)}`;
}

/** Explains why a subtask can never start; null while it may. */
export function whyNeverAffordable(budget: LimitedAccount, subtask: Budgeted): string | null {
  const short = shortBeyond(budget, subtask, currency => budget.booked[currency]);
  return short === undefined ? null : `the budget is used up: ${figures(budget, subtask, short)}`;
}

/** Returns true when so much is booked that some subtask may no longer fit. */
export function isTight({ limit, largest, booked }: Budget): boolean {
  return CURRENCIES.some(currency => {
    const most = limit[currency];
    return most !== null && booked[currency] + largest[currency] > most;
  });
}

const UNITS = 1_000_000;

/** The fields of a result that count against budgets. */
export interface Spent {
  readonly cost_usd: number;
  readonly tokens?: number;
  readonly wall_time_secs: number;
}

function spentIn({ cost_usd, tokens = 0, wall_time_secs }: Spent, currency: Currency): number {
  if (currency === 'usd') return cost_usd;
  return currency === 'tokens' ? tokens : wall_time_secs;
}

/** Ignores currencies in which the subtask has no share: older fan-outs have such subtasks. */
function shortBeyond(
  { limit }: LimitedAccount,
  subtask: Budgeted,
  taken: (currency: Currency) => number,
): Currency | undefined {
  return CURRENCIES.find(currency => {
    const most = limit[currency];
    const share = inUnits(subtask, currency);
    return most !== null && share !== null && taken(currency) + share > most;
  });
}

function figures({ limit, booked, reserved }: LimitedAccount, subtask: Budgeted, currency: Currency): string {
  const text = (amount: number): string => budgetAmount(currency, amount / UNITS);
  const out = reserved[currency] === 0 ? '' : ` and ${text(reserved[currency])} reserved`;
  const share = text(inUnits(subtask, currency)!);
  return `it wants ${share}, and of ${text(limit[currency]!)} are ${text(booked[currency])} booked${out}`;
}

/** Returns the amounts of a budget in the currencies' own units, for documents. */
export function budgetDocument(
  budget: Budget | null,
): Record<Currency, { limit: number; booked: number; reserved: number } | null> | null {
  if (budget === null) return null;
  return amounts(currency => {
    const limit = budget.limit[currency];
    if (limit === null) return null;
    const [booked, reserved] = [budget.booked[currency] / UNITS, budget.reserved[currency] / UNITS];
    return { limit: limit / UNITS, booked, reserved };
  });
}

function inUnits(budgeted: Budgeted, currency: Currency): number | null {
  const amount = budgeted[`budget_${currency}`];
  return amount == null ? null : Math.round(amount * UNITS);
}

function amounts<T>(of: (currency: Currency) => T): Record<Currency, T> {
  return { usd: of('usd'), tokens: of('tokens'), secs: of('secs') };
}
