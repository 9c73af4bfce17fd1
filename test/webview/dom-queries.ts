/** Finds, reads and uses elements of a page in Node.js, including those in shadow roots. */

/** Returns the matching elements. Those of each shadow root come after those around it. */
export function findAll<T extends HTMLElement>(root: ParentNode, selector: string): T[] {
  return [...treesIn(root)].flatMap(tree => [...tree.querySelectorAll<T>(selector)]);
}

/** Returns the first matching element. */
export function find<T extends HTMLElement>(root: ParentNode, selector: string): T {
  for (const tree of treesIn(root)) {
    const found = tree.querySelector<T>(selector);
    if (found !== null) return found;
  }
  throw new Error(`nothing matches ${selector}`);
}

/** Returns the visible text of an element: its shadow root comes first, and each run of white space becomes a space. */
export function textOf(node: Node): string {
  return rawText(node).replaceAll(/\s+/g, ' ').trim();
}

/** Returns the button with this name, or with a matching name. */
export function button(root: ParentNode, name: string | RegExp): HTMLButtonElement {
  const buttons = findAll<HTMLButtonElement>(root, 'button, vscode-button');
  const found = buttons.find(each =>
    typeof name === 'string' ? nameOf(each) === name : name.test(nameOf(each)),
  );
  if (found === undefined) throw new Error(`no button ${name} among ${buttons.map(nameOf).join(' | ')}`);
  return found;
}

/** Presses a key on the element. @returns true if the page handled it, so that the browser does nothing */
export function press(element: Element, key: string, held: KeyboardEventInit = {}): boolean {
  const init = { key, bubbles: true, composed: true, cancelable: true, ...held };
  return !element.dispatchEvent(new KeyboardEvent('keydown', init));
}

/** Replaces the text of a text field. */
export function type(field: HTMLElement, text: string): void {
  const input = find<HTMLInputElement>(field, 'input');
  input.value = text;
  input.dispatchEvent(new InputEvent('input', { bubbles: true, composed: true }));
}

/** Picks the option with this value. */
export function pick(select: HTMLSelectElement, value: string): void {
  select.value = value;
  select.dispatchEvent(new Event('change'));
}

/** Yields the root, and each shadow root in it. */
function* treesIn(root: ParentNode): Generator<ParentNode> {
  yield root;
  yield* shadowsIn(root);
}

function* shadowsIn(root: ParentNode): Generator<ParentNode> {
  if (root instanceof Element && root.shadowRoot !== null) yield* treesIn(root.shadowRoot);
  for (const child of root.children) yield* shadowsIn(child);
}

const nameOf = (element: Element): string => element.getAttribute('aria-label') ?? textOf(element);

function rawText(node: Node): string {
  if (node.nodeType === Node.TEXT_NODE) return node.nodeValue ?? '';
  if (node.nodeType !== Node.ELEMENT_NODE && node.nodeType !== Node.DOCUMENT_FRAGMENT_NODE) return '';
  if (node instanceof Element && node.matches('style, svg')) return '';
  const shadow = node instanceof Element ? [...(node.shadowRoot?.childNodes ?? [])] : [];
  return ` ${[...shadow, ...node.childNodes].map(rawText).join('')} `;
}
