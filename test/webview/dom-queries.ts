/** Finding, reading and using elements of a page in Node.js, also those in shadow roots. */

/** The elements that match: those of each shadow root after those around it. */
export function findAll<T extends HTMLElement>(root: ParentNode, selector: string): T[] {
  return [...treesIn(root)].flatMap(tree => [...tree.querySelectorAll<T>(selector)]);
}

/** The first element that matches. */
export function find<T extends HTMLElement>(root: ParentNode, selector: string): T {
  for (const tree of treesIn(root)) {
    const found = tree.querySelector<T>(selector);
    if (found !== null) return found;
  }
  throw new Error(`nothing matches ${selector}`);
}

/** The text in an element as it is read: what stands in its shadow root first, each run of white space a blank. */
export function textOf(node: Node): string {
  return rawText(node).replaceAll(/\s+/g, ' ').trim();
}

/** The button with this name, or with a name that matches. */
export function button(root: ParentNode, name: string | RegExp): HTMLButtonElement {
  const buttons = findAll<HTMLButtonElement>(root, 'button, vscode-button');
  const found = buttons.find(each =>
    typeof name === 'string' ? nameOf(each) === name : name.test(nameOf(each)),
  );
  if (found === undefined) throw new Error(`no button ${name} among ${buttons.map(nameOf).join(' | ')}`);
  return found;
}

/** Presses a key on the element. @returns true when the page took it, so that the browser does nothing of its own. */
export function press(element: Element, key: string, held: KeyboardEventInit = {}): boolean {
  const init = { key, bubbles: true, composed: true, cancelable: true, ...held };
  return !element.dispatchEvent(new KeyboardEvent('keydown', init));
}

/** Types a text into a text field instead of what stands there. */
export function type(field: HTMLElement, text: string): void {
  const input = find<HTMLInputElement>(field, 'input');
  input.value = text;
  input.dispatchEvent(new InputEvent('input', { bubbles: true, composed: true }));
}

/** Picks the option of a select with this value. */
export function pick(select: HTMLElement, value: string): void {
  // Happy DOM tells a slot nothing of the elements that it has from the beginning.
  find(select, '.main-slot').dispatchEvent(new Event('slotchange'));
  Object.assign(select, { value });
  select.dispatchEvent(new Event('change'));
}

/** The root, and each shadow root in it. */
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
