import { budgetAmount, CURRENCIES, type Currency } from '../../contract/format.ts';

/** In each currency, in whole millionths: sums stay exact, so that what was reserved and freed leaves nothing behind. */
export type Amounts = Record<Currency, number>;

/** The amounts that were spent, and those that may yet be. */
export interface Account {
  /** The amounts that ended attempts spent. */
  readonly booked: Amounts;
  /** The shares of the attempts that are out. */
  readonly reserved: Amounts;
}

/** An account that is not to be overdrawn. */
export interface LimitedAccount extends Account {
  /** Null in a currency without a limit. */
  readonly limit: Readonly<Record<Currency, number | null>>;
}

/** The limits of a fan-out and its spending. It exists only where there is a limit in some currency. */
export interface Budget extends LimitedAccount {
  /** The largest share of any subtask: while that much is left, nothing needs a look. */
  readonly largest: Readonly<Amounts>;
}

/** Shares and limits, as subtasks and fan-outs have them; null or absent for none. */
export type Budgeted = { readonly [K in `budget_${Currency}`]?: number | null };

/** The budget of a fan-out, or null when it has no limit. Costs a look at each subtask only where it has one. */
export function budgetOf(limits: Budgeted, subtasks: readonly Budgeted[]): Budget | null {
  const limit = amounts(currency => inUnits(limits, currency));
  if (CURRENCIES.every(currency => limit[currency] === null)) return null;
  const largest = amounts(currency =>
    subtasks.reduce((most, subtask) => Math.max(most, inUnits(subtask, currency) ?? 0), 0),
  );
  return { limit, largest, ...newAccount() };
}

/** One from which nothing was taken. */
export function newAccount(): Account {
  return { booked: amounts(() => 0), reserved: amounts(() => 0) };
}

/** An account with a limit in dollars, to be tried out. */
export function limitedTo(usd: number, { booked, reserved }: Account): LimitedAccount {
  const limit = { usd: Math.round(usd * UNITS), tokens: null, secs: null };
  return { limit, booked, reserved: { ...reserved } };
}

/** The same, to be tried out. */
export function copyOf({ reserved, ...budget }: Budget): Budget {
  return { ...budget, reserved: { ...reserved } };
}

/** An attempt of this subtask is out. */
export function reserve({ reserved }: Account, subtask: Budgeted): void {
  for (const currency of CURRENCIES) reserved[currency] += inUnits(subtask, currency) ?? 0;
}

/**
 * An attempt is no longer out: its share is free again, and what it took is booked.
 * @param spent null when nothing was taken.
 * @param isSeen whether its worker saw it through. Where nobody did, it may have taken its whole share.
 */
export function settle(account: Account, subtask: Budgeted, spent: Spent | null, isSeen: boolean): void {
  for (const currency of CURRENCIES) {
    const share = inUnits(subtask, currency) ?? 0;
    const told = spent === null ? 0 : Math.round(spentIn(spent, currency) * UNITS);
    account.reserved[currency] -= share;
    account.booked[currency] += isSeen ? told : Math.max(share, told);
  }
}

/** Returns the currency of which a subtask must wait until others have ended; undefined when it need not wait. */
export function shortOf(account: LimitedAccount, subtask: Budgeted): Currency | undefined {
  return shortBeyond(account, subtask, currency => account.booked[currency] + account.reserved[currency]);
}

/** The words for a subtask that waits for its share in a currency; `whose` names the budget. */
export function shortageWords(
  account: LimitedAccount,
  subtask: Budgeted,
  currency: Currency,
  whose: string,
): string {
  return `waiting for its share of ${whose}: ${figures(account, subtask, currency)}`;
}

/** Returns in words why a subtask can never start any more; null while it may. */
export function whyNeverAffordable(budget: LimitedAccount, subtask: Budgeted): string | null {
  const short = shortBeyond(budget, subtask, currency => budget.booked[currency]);
  return short === undefined ? null : `the budget is used up: ${figures(budget, subtask, short)}`;
}

/** Tells whether so much is booked that some subtask may not fit any more. */
export function isTight({ limit, largest, booked }: Budget): boolean {
  return CURRENCIES.some(currency => {
    const most = limit[currency];
    return most !== null && booked[currency] + largest[currency] > most;
  });
}

const UNITS = 1_000_000;

/** The fields of an end that budgets count. */
export interface Spent {
  readonly cost_usd: number;
  readonly tokens?: number;
  readonly wall_time_secs: number;
}

function spentIn({ cost_usd, tokens = 0, wall_time_secs }: Spent, currency: Currency): number {
  if (currency === 'usd') return cost_usd;
  return currency === 'tokens' ? tokens : wall_time_secs;
}

/** A subtask without a share in a currency is not held to its limit: older fan-outs have such. */
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

/** The amounts of a budget in its currency's own unit, for documents. */
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
