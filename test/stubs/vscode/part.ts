/**
 * Creates a namespace of the API with these members.
 * @throws Error with the name of the member, on access to one that is not stubbed
 */
export function part<T extends object>(name: string, members: Partial<T>): T {
  return new Proxy(members as T, {
    get(target, key, receiver): unknown {
      // `await` reads `then`.
      if (typeof key === 'symbol' || key === 'then' || key in target)
        return Reflect.get(target, key, receiver);
      throw new Error(`the stub of vscode has no ${name}.${key}`);
    },
  });
}
