/** The contents of a panel's page, with URIs for the webview. */
export interface Page {
  readonly scriptUri: string;
  readonly styleUri: string;
  /** The source for the webview's own files in a content security policy. */
  readonly cspSource: string;
  /** A new one for each page. */
  readonly nonce: string;
  /** The editor's language, such as `de` or `pt-br`. */
  readonly language: string;
  readonly title: string;
}

/**
 * Returns the page: one script, one style sheet, and a policy that allows nothing else. The policy forbids inline
 * styles and scripts, requests, frames and images.
 */
export function pageHtml({ scriptUri, styleUri, cspSource, nonce, language, title }: Page): string {
  const policy = [
    "default-src 'none'",
    `style-src ${cspSource} 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${attribute(language)}">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${attribute(policy)}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${text(title)}</title>
    <link rel="stylesheet" nonce="${nonce}" href="${attribute(styleUri)}">
  </head>
  <body>
    <script type="module" nonce="${nonce}" src="${attribute(scriptUri)}"></script>
  </body>
</html>
`;
}

const text = (value: string): string => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const attribute = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
