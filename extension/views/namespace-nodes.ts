import type { NamespaceDocument } from '../../engine/contract/documents.ts';
import { RANGE } from './nodes.ts';

/** A row of the tree of namespaces. A range is a row for some of very many that lie right below one. */
export type NamespaceNode =
  | { readonly kind: 'namespace'; readonly id: string; readonly document: NamespaceDocument }
  | { readonly kind: 'range'; readonly parent: string; readonly from: number; readonly to: number };

/** The part of a namespace's children that is read for the rows below a row. */
export interface NamespacePage {
  readonly parent: string;
  readonly offset: number;
  readonly limit: number;
}

/** Returns the part below a row: a page of namespaces, or ranges where one page does not hold them all. */
export function belowNamespace(node: NamespaceNode): NamespacePage | readonly NamespaceNode[] {
  if (node.kind === 'range') return { parent: node.parent, offset: node.from, limit: node.to - node.from };
  const { id, document } = node;
  if (document.children <= RANGE) return { parent: id, offset: 0, limit: RANGE };
  return Array.from({ length: Math.ceil(document.children / RANGE) }, (_, i) => ({
    kind: 'range',
    parent: id,
    from: i * RANGE,
    to: Math.min((i + 1) * RANGE, document.children),
  }));
}
