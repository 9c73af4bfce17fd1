import { css } from 'lit';

/** The style that all components share. Style sheets are constructed, because the page's policy forbids inline styles. */
export const shared = css`
  :host {
    display: block;
    color: var(--fleet-text);
  }
  :host([hidden]) {
    display: none;
  }
  * {
    box-sizing: border-box;
  }
  h2,
  h3,
  p,
  dl,
  dd,
  ul {
    margin: 0;
    padding: 0;
  }
  h2 {
    display: flex;
    align-items: center;
    gap: 6px;
    font-size: 11px;
    font-weight: 600;
    letter-spacing: 0.04em;
    text-transform: uppercase;
    color: var(--vscode-sideBarSectionHeader-foreground, var(--fleet-text));
  }
  .icon {
    width: 16px;
    height: 16px;
    flex: none;
    vertical-align: text-bottom;
  }
  .look {
    display: inline-flex;
    flex: none;
    color: var(--fleet-text);
  }
  .look.accepted {
    color: var(--fleet-accepted);
  }
  .look.rejected {
    color: var(--fleet-rejected);
  }
  .look.failed {
    color: var(--fleet-failed);
  }
  .look.timedOut {
    color: var(--fleet-timedOut);
  }
  .look.cancelled,
  .look.skipped {
    color: var(--fleet-cancelled);
  }
  .look.running {
    color: var(--fleet-running);
  }
  .look.needsYou {
    color: var(--fleet-needsYou);
  }
  .look.pending {
    color: var(--fleet-pending);
  }
  .muted {
    color: var(--fleet-muted);
  }
  .number {
    font-variant-numeric: tabular-nums;
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .tool {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 5px;
    min-width: 22px;
    height: 22px;
    padding: 0 4px;
    white-space: nowrap;
    border: 1px solid transparent;
    border-radius: 5px;
    background: transparent;
    color: var(--vscode-icon-foreground, var(--fleet-text));
    font: inherit;
    cursor: pointer;
  }
  .tool:hover:not(:disabled) {
    background: var(--vscode-toolbar-hoverBackground);
    border-color: var(--vscode-contrastActiveBorder, transparent);
  }
  .tool:disabled {
    opacity: 0.4;
    cursor: default;
  }
  :focus-visible {
    outline: 1px solid var(--fleet-focus);
    outline-offset: -1px;
  }
  .card {
    border: 1px solid var(--fleet-surface-border);
    border-radius: 6px;
    background: var(--fleet-surface);
  }
`;
