import { clearTimeout, setTimeout } from 'node:timers';
import { ChangeFlow } from '../../extension/panels/change-flow.ts';
import { viewStrings } from '../../extension/panels/strings.ts';
import {
  childRow,
  decodeToHost,
  joinRow,
  speedupRow,
  type ToHost,
  type ToView,
  type ViewRequest,
} from '../../webview/protocol.ts';
import { OPENED, type Story } from './fan-outs.ts';

type Answer = (
  request: ViewRequest,
) => { ok: true; value: string | null } | { ok: false; message: string; hint?: string };

/** The host of a view under test. It speaks the protocol, and gives the answers of the test. */
export abstract class StandInHost {
  /** True once the view has reported that it is ready. */
  isReady = false;
  readonly requests: ViewRequest[] = [];
  /** The problems that the view reported for the log. */
  readonly problems: string[] = [];
  /** The numbers of the changes that the view has drawn since the fan-out was last sent from the start. */
  readonly applied: number[] = [];
  /** The errors in the page itself. */
  readonly errors: string[] = [];
  /** Answers requests; null leaves them open. */
  answer: Answer | null = () => ({ ok: true, value: null });
  readonly #heard = new Set<() => void>();
  #at = OPENED;
  #flow = this.#newFlow();

  /** Posts anything to the view. */
  abstract post(message: unknown): Promise<void>;

  async send(message: ToView): Promise<void> {
    await this.post(message);
  }

  /** Handles a message of the view. */
  receive(data: unknown): void {
    const decoded = decodeToHost(data);
    if (!decoded.ok) {
      this.errors.push(`the view said what the host does not understand: ${decoded.problem}`);
      return;
    }
    this.#take(decoded.message);
    for (const listener of this.#heard) listener();
  }

  /** Waits for a message of the view after which the condition holds. */
  async until(holds: () => boolean, what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error([`waited in vain: ${what}`, ...this.errors].join('\n'))),
        15_000,
      );
      const look = (): void => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#heard.delete(look);
        resolve();
      };
      this.#heard.add(look);
      look();
    });
  }

  /** Returns the messages of a host about a story, in pages of the size that is requested from the engine. */
  static messages(story: Story, page: number): readonly ToView[] {
    const { status, goal, children, speedup } = story;
    const { thread, alias } = status;
    const pages = Array.from({ length: Math.ceil(children.length / page) }, (_, at) => ({
      type: 'change' as const,
      seq: at + 1,
      nowUnix: OPENED + story.at,
      reset: at === 0,
      join: joinRow(status),
      children: children.slice(at * page, (at + 1) * page).map(childRow),
    }));
    return [
      { type: 'init', strings: viewStrings() },
      { type: 'stream', state: 'connecting', note: null },
      { type: 'task', thread, alias, name: alias, goal, serial: false },
      { type: 'stream', state: 'live', note: null },
      ...pages,
      { type: 'speedup', report: speedupRow(speedup), problem: null },
    ];
  }

  /** Sends the whole story, and waits until the view has drawn it. */
  async show(story: Story): Promise<void> {
    await this.send({ type: 'init', strings: viewStrings() });
    const { thread, alias } = story.status;
    await this.send({ type: 'task', thread, alias, name: alias, goal: story.goal, serial: false });
    await this.send({ type: 'stream', state: 'live', note: null });
    await this.send({ type: 'speedup', report: speedupRow(story.speedup), problem: null });
    await this.change(story, true);
  }

  /** Sends changes, and waits until the view has drawn them. */
  async change(story: Pick<Story, 'at' | 'status' | 'children'>, reset: boolean): Promise<void> {
    this.#at = OPENED + story.at;
    if (reset) this.#flow = this.#newFlow();
    const pages = Math.max(1, Math.ceil(story.children.length / 1000));
    const target = reset ? pages : (this.applied.at(-1) ?? 0) + pages;
    this.#flow.offer({ status: story.status, changed: story.children, reset });
    await this.until(() => (this.applied.at(-1) ?? 0) >= target, 'the change is applied');
  }

  #newFlow(): ChangeFlow {
    this.applied.length = 0;
    return new ChangeFlow(
      change => void this.send(change),
      () => this.#at,
    );
  }

  #take(message: ToHost): void {
    switch (message.type) {
      case 'ready':
        this.isReady = true;
        break;
      case 'applied':
        this.applied.push(message.seq);
        this.#flow.applied(message.seq);
        break;
      case 'problem':
        this.problems.push(message.message);
        break;
      case 'request':
        this.requests.push(message.request);
        void this.#reply(message.id, message.request);
        break;
    }
  }

  async #reply(id: number, request: ViewRequest): Promise<void> {
    const answer = this.answer?.(request);
    if (answer === undefined) return;
    const result = answer.ok
      ? answer
      : {
          ok: false as const,
          problem: { code: 'CONFLICT', message: answer.message, hint: answer.hint ?? null },
        };
    await this.send({ type: 'reply', id, result });
  }
}
