/** The rule that chooses the worker of a subtask. */
export type Target =
  | { readonly kind: 'specific'; readonly did: string }
  | { readonly kind: 'alias'; readonly alias: string }
  | { readonly kind: 'least-loaded' }
  | { readonly kind: 'round-robin' };

export const SPECIFIC = 'specific:';
export const LEAST_LOADED = 'least-loaded-worker';
export const ROUND_ROBIN = 'round-robin';

export const FREE_CHOICE: Target = { kind: 'least-loaded' };

/** Returns a target as people write it. */
export function targetText(target: Target): string {
  switch (target.kind) {
    case 'specific':
      return SPECIFIC + target.did;
    case 'alias':
      return target.alias;
    case 'least-loaded':
      return LEAST_LOADED;
    case 'round-robin':
      return ROUND_ROBIN;
  }
}
