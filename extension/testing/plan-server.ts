import { PassThrough } from 'node:stream';
import * as v from 'valibot';
import {
  createConnection,
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type ProtocolConnection,
} from 'vscode-languageserver/node';
import * as protocol from '../../engine/language/protocol.ts';
import { servePlans } from '../../engine/language/server.ts';
import { editor, EventEmitter, type Texts } from '../../test/stubs/vscode.ts';
import type { PlanClient } from '../plans/plan-client.ts';
import { isPlan } from '../plans/plan-files.ts';

/** The server of plans in this process, with a client that sends it the open plans. */
export class ServedPlans implements PlanClient {
  readonly #read = new EventEmitter<protocol.Read>();
  readonly #again = new EventEmitter<void>();
  readonly #connection: ProtocolConnection;
  readonly onDidRead = this.#read.event;
  readonly onDidStartAgain = this.#again.event;

  static async start(): Promise<ServedPlans> {
    const [up, down] = [new PassThrough(), new PassThrough()];
    servePlans(
      createConnection(new StreamMessageReader(up), new StreamMessageWriter(down)),
      async folder => ({
        text: `goal: Check ${folder}\nsubtasks: []\n`,
        subtasks: 0,
        sources: [],
        notes: [],
      }),
    );
    const connection = createProtocolConnection(new StreamMessageReader(down), new StreamMessageWriter(up));
    connection.listen();
    await connection.sendRequest('initialize', { processId: null, rootUri: null, capabilities: {} });
    const client = new ServedPlans(connection);
    await client.#follow(editor.texts);
    return client;
  }

  private constructor(connection: ProtocolConnection) {
    this.#connection = connection;
    connection.onNotification(protocol.READ, params => this.#read.fire(v.parse(protocol.readSchema, params)));
  }

  outline(uri: string, text?: string): Promise<protocol.Outline> {
    return this.#connection.sendRequest(protocol.OUTLINE, { uri, text });
  }

  graph(uri: string): Promise<protocol.Graph> {
    return this.#connection.sendRequest(protocol.GRAPH, { uri });
  }

  requested(
    uri: string,
    subtasks: readonly (number | string)[] | null,
    params?: Readonly<Record<string, string>>,
  ): Promise<protocol.Requested> {
    return this.#connection.sendRequest(protocol.REQUEST, { uri, subtasks, params });
  }

  draft(folder: string): Promise<protocol.Draft> {
    return this.#connection.sendRequest(protocol.DRAFT, { folder });
  }

  know(known: protocol.Known | null): Promise<void> {
    return this.#connection.sendNotification(protocol.KNOWN, known);
  }

  remember(lastRun: protocol.LastRun): Promise<void> {
    return this.#connection.sendNotification(protocol.LAST_RUN, lastRun);
  }

  dispose(): void {
    this.#connection.dispose();
  }

  /** Sends opened and changed texts to the server, as the editor's own client does. */
  async #follow(texts: Texts): Promise<void> {
    const open = async (document: (typeof texts.documents)[number]): Promise<void> => {
      if (!isPlan(document)) return;
      const opened = {
        uri: document.uri.toString(),
        languageId: 'yaml',
        version: 1,
        text: document.getText(),
      };
      await this.#connection.sendNotification('textDocument/didOpen', { textDocument: opened });
    };
    texts.opened.event(document => void open(document as (typeof texts.documents)[number]));
    for (const document of texts.documents) await open(document);
  }
}
