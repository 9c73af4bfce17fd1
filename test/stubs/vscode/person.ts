import type * as vscode from 'vscode';

/** The person at the editor. A test determines the answers to the next questions, and reads what was asked. */

/** A question to the person. A message without a button expects no answer, and is recorded as well. */
export type Question = Pick | Input | Message<'modal'> | Message<'toast'> | Save;

interface Asked {
  /** The title, and the prompt or placeholder; the text of a message. */
  readonly text: string;
}

interface Pick extends Asked {
  readonly kind: 'pick';
  /** The items without separators. */
  readonly items: readonly vscode.QuickPickItem[];
  readonly isMany: boolean;
}

interface Input extends Asked {
  readonly kind: 'input';
  /** The initial text. */
  readonly value: string;
  /** The messages about refused texts. */
  readonly faults: string[];
  readonly faultOf: (text: string) => Promise<string | undefined>;
}

interface Message<K extends 'modal' | 'toast' = 'modal' | 'toast'> extends Asked {
  /** A toast may remain without an answer. */
  readonly kind: K;
  readonly severity: 'info' | 'warning' | 'error';
  readonly detail: string | undefined;
  readonly buttons: readonly string[];
}

interface Save extends Asked {
  readonly kind: 'save';
}

export interface Answer {
  /** The name in a failure. */
  readonly name: string;
  readonly fits: readonly Question['kind'][];
  /** Gives the answer. @throws Error if it is no answer to the question */
  give(question: Question): Promise<unknown>;
}

export class Person {
  readonly asked: Question[] = [];
  readonly #answers: Answer[] = [];
  readonly #failures: unknown[] = [];

  /** Sets the answers to the next questions, in order. */
  will(...answers: readonly Answer[]): void {
    this.#answers.push(...answers);
  }

  /** The texts of all questions and messages, in order. */
  get texts(): readonly string[] {
    return this.asked.map(({ text }) => text);
  }

  /** Returns the toasts and modals of a severity, with their details. */
  told(severity: Message['severity']): readonly string[] {
    return this.asked.flatMap(each => ('severity' in each && each.severity === severity ? [each.text] : []));
  }

  /** The labels of the last pick, including icons. */
  get offered(): readonly string[] {
    const last = this.asked.findLast(each => each.kind === 'pick');
    return last?.items.map(({ label }) => label) ?? [];
  }

  /** The details of the last pick's entries. */
  get details(): readonly string[] {
    const last = this.asked.findLast(each => each.kind === 'pick');
    return last?.items.flatMap(({ detail }) => detail ?? []) ?? [];
  }

  /** The messages about refused texts, of all questions. */
  get faults(): readonly string[] {
    return this.asked.flatMap(each => (each.kind === 'input' ? each.faults : []));
  }

  /** The detail of the last modal question. */
  get detail(): string | undefined {
    return this.asked.findLast(each => each.kind === 'modal')?.detail;
  }

  /** Takes the next answer. A toast without an intended answer stays unanswered. */
  async answer(question: Question): Promise<unknown> {
    this.asked.push(question);
    if ('buttons' in question && question.buttons.length === 0 && question.kind === 'toast') return undefined;
    const [next] = this.#answers;
    if (question.kind === 'toast' && next?.fits.includes('toast') !== true)
      return new Promise(() => undefined);
    this.#answers.shift();
    try {
      if (next === undefined) throw new Error(`the test answers no ${question.kind} “${question.text}”`);
      if (!next.fits.includes(question.kind))
        throw new Error(`“${next.name}” is no answer to the ${question.kind} “${question.text}”`);
      return await next.give(question);
    } catch (thrown) {
      this.#failures.push(thrown);
      throw thrown;
    }
  }

  /** @throws Error if a question had no answer, or an answer no question */
  leave(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
    const left = this.#answers.map(({ name }) => name);
    if (left.length > 0) throw new Error(`nothing was asked for: ${left.join(', ')}`);
  }
}

/** Picks the entry with this label, ignoring its icon. */
export const pick = (label: string | RegExp): Answer => ({
  name: `pick ${label}`,
  fits: ['pick'],
  give: async question => entryOf(question as Pick, label),
});

/** Ticks the entries with these labels. */
export const tick = (...labels: readonly string[]): Answer => ({
  name: `tick ${labels.join(', ')}`,
  fits: ['pick'],
  give: async question => labels.map(label => entryOf(question as Pick, label)),
});

/** Types texts. All but the last are refused. */
export const type = (...texts: readonly string[]): Answer => ({
  name: `type ${texts.join(', ')}`,
  fits: ['input'],
  give: async question => {
    const { faults, faultOf } = question as Input;
    for (const text of texts.slice(0, -1)) {
      const fault = await faultOf(text);
      if (fault === undefined) throw new Error(`“${text}” is not refused by “${question.text}”`);
      faults.push(fault);
    }
    return accepted(question as Input, texts.at(-1) ?? '');
  },
});

/** Accepts the default: the present text, the first entry, or the ticked entries. */
export const enter: Answer = {
  name: 'enter',
  fits: ['pick', 'input'],
  give: async question => {
    if (question.kind === 'input') return accepted(question, question.value);
    const { items, isMany } = question as Pick;
    return isMany ? items.filter(({ picked }) => picked === true) : items[0];
  },
};

/** Cancels the question. */
export const escape: Answer = {
  name: 'escape',
  fits: ['pick', 'input', 'modal', 'save'],
  give: () => Promise.resolve(undefined),
};

/** Presses a button of a message. @returns its label */
export const press = (label: string): Answer => ({
  name: `press ${label}`,
  fits: ['modal', 'toast'],
  give: async question => {
    const { buttons } = question as Message;
    if (!buttons.includes(label)) throw new Error(`no button ${label}: ${buttons.join(', ')}`);
    return label;
  },
});

/** Closes a toast. */
export const dismiss: Answer = { name: 'dismiss', fits: ['toast'], give: () => Promise.resolve(undefined) };

/** Saves under this path. */
export const saveAs = (path: string): Answer => ({
  name: `save as ${path}`,
  fits: ['save'],
  give: () => Promise.resolve(path),
});

const withoutIcon = (label: string): string => label.replace(/^\$\([a-z~-]+\) /, '');

function entryOf({ items, text }: Pick, label: string | RegExp): vscode.QuickPickItem {
  const found = items.find(item => {
    const own = withoutIcon(item.label);
    return typeof label === 'string' ? own === label : label.test(own);
  });
  if (found === undefined)
    throw new Error(`“${text}” offers no ${label}: ${items.map(item => item.label).join(', ')}`);
  return found;
}

async function accepted(question: Input, text: string): Promise<string> {
  const fault = await question.faultOf(text);
  if (fault !== undefined) throw new Error(`“${question.text}” refuses “${text}”: ${fault}`);
  return text;
}
