/** Asks for a list page by page, until there are no more. @param ask told what its page comes after; nothing at first */
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
