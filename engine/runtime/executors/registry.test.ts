import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FleetError } from '../../errors.ts';
import { refusalOf, type Executor } from './executor.ts';
import type { CommandOptions } from './command.ts';
import { executorsFor } from './registry.ts';

const parrot: Executor = {
  name: 'parrot',
  sideEffects: false,
  runsCommands: false,
  refusal: () => null,
  start: () => assert.fail('is not started here'),
};

describe('the registry of executors', () => {
  it('makes the executors that are asked for, by name', () => {
    const executors = executorsFor(['echo', 'shell', 'echo'], { env: { SPL_ECHO_MS: '0' } });
    assert.deepEqual(
      [...executors].map(([name, executor]) => [name, executor.name, executor.sideEffects]),
      [
        ['echo', 'echo', false],
        ['shell', 'shell', true],
      ],
    );
  });

  it('says what can not be run: a command by an executor that runs none, a goal by the shell', () => {
    const executors = executorsFor(['echo', 'shell', 'parrot'], { further: { parrot: () => parrot } });
    const refusalsOf = (run: string | null): string[] =>
      [...executors].flatMap(([name, executor]) => (refusalOf(executor, { run }) === null ? [] : [name]));
    assert.deepEqual(refusalsOf('true'), ['echo', 'parrot']);
    assert.deepEqual(refusalsOf(null), ['shell']);
  });

  it('takes a further executor, which gets the environment', () => {
    const seen: unknown[] = [];
    const further = { parrot: ({ env }: CommandOptions) => (seen.push(env?.['X']), parrot) };
    assert.equal(executorsFor(['parrot'], { further, env: { X: 'y' } }).get('parrot'), parrot);
    assert.deepEqual(seen, ['y']);
  });

  it('refuses an unknown name and lists the known ones', () => {
    for (const name of ['bash', 'toString', '__proto__']) {
      assert.throws(
        () => executorsFor([name], { further: { parrot: () => parrot } }),
        (error: unknown) =>
          FleetError.is(error, 'USAGE') &&
          error.message === `executor '${name}' is unknown` &&
          error.hint === 'Known executors: echo, shell, parrot',
      );
    }
  });
});
