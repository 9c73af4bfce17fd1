/**
 * Makes a namespace of the API with these members of it.
 * @throws Error naming the member, from whoever touches one that is not stubbed
 */
export function part<T extends object>(name: string, members: Partial<T>): T {
  return new Proxy(members as T, {
    get(target, key, receiver): unknown {
      // What is awaited is asked for `then`.
      if (typeof key === 'symbol' || key === 'then' || key in target)
        return Reflect.get(target, key, receiver);
      throw new Error(`the stub of vscode has no ${name}.${key}`);
    },
  });
}
