import type { NamespaceDocument } from '../../engine/contract/documents.ts';
import { RANGE } from './nodes.ts';

/** A row of the tree of namespaces. A range is a row for part of the very many children of one namespace. */
export type NamespaceNode =
  | { readonly kind: 'namespace'; readonly id: string; readonly document: NamespaceDocument }
  | { readonly kind: 'range'; readonly parent: string; readonly from: number; readonly to: number };

/** The children of a namespace that are read for the rows below a row. */
export interface NamespacePage {
  readonly parent: string;
  readonly offset: number;
  readonly limit: number;
}

/** Returns the rows below a row: a page of namespaces, or ranges if they do not fit on one page. */
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
