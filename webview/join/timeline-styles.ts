import { css } from 'lit';

/** The style sheet of the timeline: everything around the canvas, and the tooltip. */
export const timelineStyles = css`
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 4px 16px;
    padding: 4px 6px 4px 10px;
    border-bottom: 1px solid var(--fleet-rule);
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 12px;
    list-style: none;
    font-size: 11px;
    color: var(--fleet-muted);
  }
  .legend li {
    display: inline-flex;
    align-items: center;
    gap: 4px;
  }
  .legend .icon {
    width: 13px;
    height: 13px;
  }
  .path {
    width: 14px;
    height: 3px;
    background: var(--fleet-text);
    forced-color-adjust: none;
  }
  .diamond {
    width: 8px;
    height: 8px;
    background: var(--fleet-accent);
    transform: rotate(45deg);
    forced-color-adjust: none;
  }
  .viewport {
    position: relative;
    overflow-x: hidden;
    overflow-y: auto;
    outline-offset: -2px;
  }
  canvas {
    position: sticky;
    top: 0;
    display: block;
    width: 100%;
  }
  .frame {
    position: relative;
  }
  .tip {
    position: absolute;
    top: 0;
    left: 0;
    z-index: 1;
    max-width: 280px;
    padding: 4px 8px;
    border: 1px solid var(--vscode-editorHoverWidget-border, var(--fleet-surface-border));
    border-radius: 4px;
    background: var(--vscode-editorHoverWidget-background, var(--fleet-surface));
    color: var(--vscode-editorHoverWidget-foreground, var(--fleet-text));
    font-size: 12px;
    pointer-events: none;
    overflow-wrap: anywhere;
  }
  .empty {
    padding: 18px;
    text-align: center;
    color: var(--fleet-muted);
  }
  .note {
    padding: 2px 10px 6px;
    font-size: 11px;
    color: var(--fleet-muted);
  }
  .tools {
    display: flex;
    margin-left: auto;
  }
`;
