/** Yields a list page by page. @param ask gets the start of its page; nothing for the first page */
export async function* pages<P extends { readonly next: number | null }>(
  ask: (place: { readonly after?: number }) => Promise<P>,
): AsyncGenerator<P> {
  let page = await ask({});
  yield page;
  while (page.next !== null) {
    page = await ask({ after: page.next });
    yield page;
  }
}
