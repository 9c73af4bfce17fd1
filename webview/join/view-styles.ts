import { css } from 'lit';

/** The style sheet of the panel: one column, or two if there is space. */
export const viewStyles = css`
  :host {
    container-type: inline-size;
    min-height: 100vh;
  }
  main {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 14px;
    padding: 0 16px 24px;
    max-width: 1600px;
    margin: 0 auto;
  }
  fleet-header {
    position: sticky;
    top: 0;
    z-index: 2;
    margin: 0 -16px;
  }
  /* At a high zoom, the header would hide too much of what is below. */
  @media (max-height: 560px) {
    fleet-header {
      position: static;
    }
  }
  section {
    min-width: 0;
  }
  h2 {
    margin-bottom: 6px;
  }
  .padded {
    padding: 12px 14px;
  }
  .clip {
    overflow: hidden;
  }
  .loading {
    padding: 40px 16px;
    text-align: center;
    color: var(--fleet-muted);
  }
  aside {
    display: grid;
    gap: 14px;
    align-content: start;
    min-width: 0;
  }
  .flow {
    display: grid;
    gap: 14px;
    align-content: start;
    min-width: 0;
  }
  @container (min-width: 1080px) {
    .columns {
      display: grid;
      grid-template-columns: minmax(0, 1fr) 340px;
      gap: 18px;
    }
  }
  @container (max-width: 1079px) {
    .columns {
      display: grid;
      grid-template-columns: minmax(0, 1fr);
      gap: 14px;
    }
  }
  @container (max-width: 520px) {
    main {
      padding: 0 10px 20px;
    }
    fleet-header {
      margin: 0 -10px;
    }
  }
`;
