import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { soon } from '../../../test/harness/until.ts';
import { messageOf } from '../../errors.ts';
import { processTable } from '../../system/process-table.ts';
import { pumpOutput } from '../executors/output-pump.ts';
import { newControlGroup, ownControlGroup } from './control-group.ts';
import { Launchers } from './launchers.ts';
import { NotLaunched, type Launch, type Launcher, type Place } from './launcher.ts';

/** Code of Perl with which no process can be started. */
const NO_FORK = '*CORE::GLOBAL::fork = sub { $! = 11; undef };';

/** The moments at which a launcher is killed: the code of Perl that does it, and the command that it starts. */
const DEATHS: Readonly<Record<string, readonly [code: string, script: string]>> = {
  'before it makes an output': ['*POSIX::mkfifo = sub { kill 9, $$ }', 'sleep 300'],
  'when it has made an output': [
    'my $make = \\&POSIX::mkfifo; *POSIX::mkfifo = sub { &$make; kill 9, $$ }',
    'sleep 300',
  ],
  'when it has made a note': [
    'my ($calls, $dup) = (0, \\&POSIX::dup2); *POSIX::dup2 = sub { kill 9, $$ if ++$calls > 3; &$dup }',
    'sleep 300',
  ],
  'before a fork': ['*CORE::GLOBAL::fork = sub () { kill 9, $$ }', 'sleep 300'],
  'after a fork': [
    '*CORE::GLOBAL::fork = sub () { my $pid = CORE::fork; kill 9, $$ if $pid; $pid }',
    'sleep 300',
  ],
  'before its child has a session': ['*POSIX::setsid = sub { kill 9, getppid }', 'sleep 300'],
  'before its child has said that it runs': [
    '*CORE::GLOBAL::getppid = sub () { my $pid = CORE::getppid; kill 9, $pid; $pid }',
    'sleep 300',
  ],
  'at the end of a command': [
    '*CORE::GLOBAL::waitpid = sub { my $pid = CORE::waitpid($_[0], $_[1]); kill 9, $$ if $pid > 0; $pid }',
    'true',
  ],
  'before it removes the files of a command': ['*CORE::GLOBAL::unlink = sub { kill 9, $$ }', 'true'],
};

describe('the launchers of a worker', () => {
  let dir: string;
  let launchers: Launchers;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'spl-launchers-'));
    launchers = new Launchers(dir);
  });
  afterEach(async () => {
    await launchers.close();
    await rm(dir, { recursive: true });
  });

  it('are one process until it ends, then the next', async () => {
    const first = await running();
    assert.equal(await launchers.current(), first);
    await first.close();
    const second = await running();
    assert.notEqual(second, first);
    assert.equal((await (await second.start(launch('exit 3'))).exited).code, 3);
  });

  it('are none where there is no Perl, or one that can’t run them, and after their end', async () => {
    for (const program of [join(dir, 'no-such-program'), 'false'])
      assert.equal(await new Launchers(dir, program).current(), null, program);
    await launchers.close();
    assert.equal(await launchers.current(), null);
  });

  it('say so where the system has no more processes, and leave nothing', async () => {
    const poor = new Launchers(dir, await perlWith(dir, NO_FORK));
    try {
      const launcher = (await poor.current()) ?? assert.fail('it does not run');
      await assert.rejects(launcher.start(launch('true')), /^Error: EAGAIN: /);
      assert.deepEqual((await readdir(dir)).sort(), ['Changed.pm', 'perl']);
    } finally {
      await poor.close();
    }
  });

  describe('name what they leave, and nothing runs on, when they are killed', () => {
    for (const [moment, [code, script]] of Object.entries(DEATHS)) {
      it(moment, async function () {
        if (process.platform !== 'linux') return this.skip();
        const tools = await mkdtemp(join(tmpdir(), 'spl-perl-'));
        const mortal = new Launchers(dir, await perlWith(tools, `require POSIX; ${code};`));
        try {
          const wanted = launch(script);
          const launcher = (await mortal.current()) ?? assert.fail('it does not run');
          const left = await launcher.start(wanted).then(
            async launched => {
              const { code, signal } = await launched.exited;
              assert.deepEqual([code, signal], [null, null]);
              return launched.release();
            },
            (error: unknown) => (error instanceof NotLaunched ? error.left : assert.fail(messageOf(error))),
          );
          await launcher.gone;
          await soon(
            'the command ends',
            async () => (await processTable().find({ mark: wanted.mark })).length === 0,
          );
          const named = [...left.files, wanted.note];
          for (const name of await readdir(dir)) assert.ok(named.includes(join(dir, name)), name);
          assert.equal((await (await (await running()).start(launch('exit 3'))).exited).code, 3);
        } finally {
          await mortal.close();
          await rm(tools, { recursive: true });
        }
      });
    }
  });

  it('are woken when somebody stopped them, also before a command', async () => {
    const launcher = await running();
    process.kill(await pidOf(), 'SIGSTOP');
    assert.equal((await (await launcher.start(launch('exit 4'))).exited).code, 4);
  });

  it('refuse a command when they have ended, at once and whatever it waits for', async () => {
    const launcher = await running();
    const waiting = [launch('true'), launch('true')].map(each => launcher.start(each).catch(messageOf));
    process.kill(await pidOf(), 'SIGKILL');
    const refused = 'the launcher has ended';
    for (const answer of await Promise.all(waiting))
      if (typeof answer === 'string') assert.equal(answer, refused);
    await launcher.gone;
    await assert.rejects(launcher.start(launch('true')), { message: refused });
  });

  it('start commands in folders whose names have spaces and line breaks', async () => {
    const folder = join(dir, 'a b\nc');
    await mkdir(folder);
    const place = { fifo: join(folder, 'out put'), control: null };
    const wanted = { ...launch('pwd'), dir: folder, note: null, place: () => Promise.resolve(place) };
    const launched = await (await running()).start(wanted);
    const [said] = (await once(launched.output, 'data')) as [Buffer];
    assert.equal(String(said), `${folder}\n`);
    await launched.exited;
    await launched.release();
  });

  it('kill what runs when they are closed, also what left its group, and remove its files', async () => {
    const launcher = await running();
    const wanted = launch('setsid sleep 300 & echo $!; sleep 300');
    const { output, exited } = await launcher.start(wanted);
    await once(output, 'data');
    await launchers.close();
    assert.deepEqual(await exited, { code: null, signal: null, isClear: false, fault: null });
    assert.deepEqual(await processTable().find({ mark: wanted.mark }), []);
    assert.deepEqual(await readdir(dir), []);
  });

  it('see that nothing is left of a command, and what is: in its group, and beside it', async () => {
    const launcher = await running();
    const isClear = async (script: string): Promise<boolean> => {
      const launched = await launcher.start(launch(script));
      const exit = await launched.exited;
      await launched.release();
      return exit.isClear;
    };
    assert.equal(await isClear('true'), process.platform === 'linux');
    assert.equal(await isClear('sleep 0.2 &'), false, 'in its group');
    assert.equal(await isClear('(setsid sleep 0.2 &) &'), false, 'beside it, without a parent');
  });

  describe('let the next command have the output of one of which nothing is left', () => {
    it('and of no other', async () => {
      const pipes = async (): Promise<number> =>
        (await readdir(dir)).filter(name => name.endsWith('.out')).length;
      for (const word of ['one', 'two']) assert.equal(await outputOf(launch(`echo ${word}`)), `${word}\n`);
      assert.equal(await pipes(), process.platform === 'linux' ? 1 : 0);
      await outputOf(launch('sleep 0.2 & echo three'));
      assert.equal(await pipes(), 0);
    });

    it('with its control group, or with a new one if somebody has removed that', async () => {
      const parent = await ownControlGroup();
      const folders: string[] = [];
      const inGroup = async (): Promise<string | null> => {
        const place = async (): Promise<Place> => {
          const { fifo } = await launch('').place();
          const control = newControlGroup(parent);
          if (control !== null) folders.push(control);
          return { fifo, control };
        };
        const launched = await (await running()).start({ ...launch('true'), place });
        await launched.exited;
        await launched.release();
        return launched.control;
      };
      const first = await inGroup();
      assert.equal(await inGroup(), first);
      // A machine without control groups has none here either.
      if (first !== null) {
        assert.deepEqual(folders, [first]);
        await rmdir(first);
        assert.equal(await inGroup(), folders[1]);
      }
    });

    it('unless a process may be hiding that has it', async () => {
      const hider = Number(
        await outputOf(launch("setsid env -i sh -c 'echo $$; exec sleep 300' & sleep 0.3")),
      );
      assert.deepEqual(
        (await readdir(dir)).filter(name => name.endsWith('.out')),
        [],
      );
      process.kill(hider);
    });

    it('also where somebody has removed it', async () => {
      await outputOf(launch('echo one'));
      for (const name of await readdir(dir)) await rm(join(dir, name));
      assert.equal(await outputOf(launch('echo two')), 'two\n');
    });

    it('as one that blocks, whatever that one made of it', async () => {
      await outputOf(launch('perl -MFcntl -e "fcntl STDOUT, F_SETFL, O_NONBLOCK; print 1"'));
      const bytes = 4 * 1024 * 1024;
      assert.equal((await outputOf(launch(`head -c ${bytes} /dev/zero`))).length, bytes);
    });

    it('and nothing else of it: no folder, no input, no variable', async () => {
      const file = join(dir, 'input');
      await writeFile(file, 'read\n');
      const first = launch('cat; echo $ONE');
      assert.equal(await outputOf({ ...first, input: file, env: { ...first.env, ONE: '1' } }), 'read\n1\n');
      assert.equal(await outputOf({ ...launch('pwd; cat; echo $ONE'), dir: null }), '/\n\n');
    });

    it('and not the signals that the launcher does not take', async () => {
      assert.equal(await outputOf(launch('kill -TERM $$; echo on')), '');
    });
  });

  /** Makes a Perl that runs some code first. @returns its path */
  async function perlWith(folder: string, code: string): Promise<string> {
    const program = join(folder, 'perl');
    await writeFile(join(folder, 'Changed.pm'), `package Changed; BEGIN { ${code} } 1;`);
    await writeFile(program, `#!/bin/sh\nexec perl -I'${folder}' -MChanged "$@"\n`);
    await chmod(program, 0o755);
    return program;
  }

  /** Runs a command to its end, and returns what it printed. */
  async function outputOf(wanted: Launch): Promise<string> {
    const launched = await (await running()).start(wanted);
    const chunks: Buffer[] = [];
    const pump = pumpOutput(launched.output, {
      write: chunk => Promise.resolve(void chunks.push(Buffer.from(chunk))),
    });
    await launched.exited;
    await pump.drain();
    await launched.release();
    return Buffer.concat(chunks).toString('latin1');
  }

  const pidOf = async (): Promise<number> => {
    const [found] = await processTable().find({ text: `spl-guard ${dir}` });
    return found?.pid ?? assert.fail('it does not run');
  };
  const running = async (): Promise<Launcher> => (await launchers.current()) ?? assert.fail('no Perl');

  function launch(script: string): Launch {
    const id = randomUUID();
    return {
      id,
      words: [script],
      errexit: false,
      env: { PATH: process.env['PATH'], SPL_ATTEMPT_ID: id },
      dir,
      asserted: null,
      input: null,
      files: [],
      mark: `SPL_ATTEMPT_ID=${id}`,
      note: join(dir, id),
      place: () => Promise.resolve({ fifo: join(dir, `${id}.out`), control: null }),
    };
  }
});
