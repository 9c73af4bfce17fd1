/** The contents of a panel's page; URIs as the webview names them. */
export interface Page {
  readonly scriptUri: string;
  readonly styleUri: string;
  /** The editor's name in a policy for the origin of a webview's own files. */
  readonly cspSource: string;
  /** Fresh for each page. */
  readonly nonce: string;
  /** The editor's language, as in `de` or `pt-br`. */
  readonly language: string;
  readonly title: string;
}

/**
 * The page: one script, one style sheet, and a policy that allows nothing else: no inline style or script, no request, no
 * frame, no image.
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
