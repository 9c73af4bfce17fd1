import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { soon } from '../../../test/harness/until.ts';
import { messageOf } from '../../errors.ts';
import { processTable } from '../../system/process-table.ts';
import { pumpOutput } from '../executors/output-pump.ts';
import { endNotedCommands } from './command-notes.ts';
import { newControlGroup, ownControlGroup } from './control-group.ts';
import { Launchers } from './launchers.ts';
import { NotLaunched, type Launch, type Launcher, type Place } from './launcher.ts';

const SYSTEM_CALLS = process.arch === 'arm64' ? [220, 157, 221] : [56, 112, 59];
const [CLONE, SETSID, EXECVE] = SYSTEM_CALLS;

/** Returns code of Perl that runs some code before a system call of the launcher, and after it with its answer in `$_`. */
const aroundCall = (number: number | undefined, before: string, after = ''): string =>
  `*CORE::GLOBAL::syscall = sub {
    my $number = shift;
    if ($number == ${number}) { ${before} }
    local $_ = CORE::syscall($number, @_);
    if ($number == ${number}) { ${after} }
    $_;
  };`;

/** Code of Perl with which no process can be started. */
const NO_FORK = aroundCall(CLONE, '$! = 11; return -1');

/** The steps of a launcher with a command: code of Perl that runs `hit` there. */
const STEPS: Readonly<Record<string, string>> = {
  'before it makes an output': 'my $make = \\&POSIX::mkfifo; *POSIX::mkfifo = sub { hit(); &$make };',
  'when it has made an output':
    'my $make = \\&POSIX::mkfifo; *POSIX::mkfifo = sub { my $made = &$make; hit(); $made };',
  'before it makes a note': 'my $open = \\&POSIX::open; *POSIX::open = sub { hit() if $_[2]; &$open };',
  'when it has made a note':
    'my $dup = \\&POSIX::dup2; *POSIX::dup2 = sub { hit() if ++$calls == 4; &$dup };',
  'before a fork': aroundCall(CLONE, 'hit()'),
  'after a fork': aroundCall(CLONE, '', 'hit() if $_ > 0'),
  'before its child has a session': aroundCall(SETSID, 'hit()'),
  'before its child has seen its parent':
    '*CORE::GLOBAL::getppid = sub () { my $pid = CORE::getppid; hit(); $pid };',
  'before its child is the command': aroundCall(EXECVE, 'hit()'),
  'before it notes the process':
    'my $read = \\&POSIX::read; *POSIX::read = sub { hit(); POSIX::lseek($_[0], 0, 0); &$read };',
  'at the end of a command':
    '*CORE::GLOBAL::waitpid = sub { my $pid = CORE::waitpid($_[0], $_[1]); hit() if $pid > 0; $pid };',
  'before it removes the files of a command': '*CORE::GLOBAL::unlink = sub { hit(); CORE::unlink(@_) };',
};

/** Code of Perl for what happens to a launcher, and to its worker: the process behind its input. */
const EVENTS = {
  'it is killed': 'kill 9, $launcher',
  'its worker is killed': 'kill 9, $worker',
  'both are killed': 'kill 9, $worker, $launcher',
  'it is stopped, and continued': 'kill "STOP", $launcher',
  'it is stopped, and killed': 'kill "STOP", $launcher',
} as const;
type Event = keyof typeof EVENTS;

/** Returns code of Perl in which `hit` lets something happen once. Another process passes the input on. */
const eventCode = (folder: string, event: Event): string => `
  our ($folder, $launcher, $worker, $calls, $hits) = ('${folder}', $$, 0, 0, 0);
  sub hit { return if $hits++; open my $out, '>', "$folder/hit"; ${EVENTS[event]} }
  pipe my $in, my $out;
  pipe my $told, my $tell;
  if (!CORE::fork) {
    $worker = CORE::fork;
    if ($worker) { syswrite $tell, $worker; POSIX::_exit(0) }
    close $_ for $in, $told, $tell, *STDOUT;
    while (sysread STDIN, my $bytes, 65536) { syswrite $out, $bytes }
    POSIX::_exit(0);
  }
  CORE::wait;
  sysread $told, $worker, 20;
  open STDIN, '<&', $in;`;

describe('the launchers of a worker', () => {
  let dir: string;
  let launchers: Launchers;
  const folders: string[] = [];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'spl-launchers-'));
    launchers = new Launchers(dir);
  });
  afterEach(async () => {
    await launchers.close();
    for (const folder of [dir, ...folders.splice(0)]) await rm(folder, { recursive: true });
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

  describe('leave nothing that runs, and start no command twice, at whatever step', () => {
    for (const event of Object.keys(EVENTS) as Event[])
      it(event, async function () {
        if (process.platform !== 'linux') return this.skip();
        const cases = Object.entries(STEPS).map(([step, code]) =>
          happens(event, code).catch((cause: unknown) => {
            throw new Error(`${step}: ${messageOf(cause)}`, { cause });
          }),
        );
        await Promise.all(cases);
      });

    it('they have too few files', async function () {
      if (process.platform !== 'linux') return this.skip();
      await Promise.all(Array.from({ length: 14 }, (_, few) => runsWith(few + 3)));
    });
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
      for (const name of ['TERM', 'FPE'])
        assert.equal(await outputOf(launch(`kill -${name} $$; echo on`)), '', name);
    });
  });

  /** Lets something happen at a step of a launcher, and looks at what is left. */
  async function happens(event: Event, step: string): Promise<void> {
    const [home, tools] = await Promise.all([newFolder(), newFolder()]);
    const ends = event === 'it is stopped, and continued' || /waitpid|unlink/.test(step);
    const starts = join(tools, 'starts');
    const wanted = launch(`echo >>${starts}; ${ends ? 'exit 3' : 'exec sleep 300'}`, home);
    const mortal = new Launchers(
      home,
      await perlWith(tools, `require POSIX; ${eventCode(tools, event)} ${step}`),
    );
    const launcher = (await mortal.current()) ?? assert.fail('it does not run');
    const ended = endOf(launcher, wanted);
    if (event === 'it is stopped, and continued') {
      await whileSignalled(home, 'SIGCONT', ended);
      assert.equal((await ended).code, 3);
      await mortal.close();
    } else if (event === 'it is stopped, and killed') {
      await soon('the launcher stops', () => existsSync(join(tools, 'hit')));
      process.kill(await pidOf(home), 'SIGKILL');
    }
    await launcher.gone;
    const { left } = await ended;
    assert.ok(existsSync(join(tools, 'hit')), 'it does not come to this step');
    await soon(
      'the command ends',
      async () => (await processTable().find({ mark: wanted.mark })).length === 0,
    );
    const names = await readdir(home);
    if (event === 'both are killed') assert.deepEqual(await endNotedCommands(home), []);
    else if (event === 'its worker is killed') assert.deepEqual(names, []);
    else for (const name of names) assert.ok([...left, wanted.note].includes(join(home, name)), name);
    if (event === 'both are killed') assert.deepEqual(await readdir(home), []);
    const started = existsSync(starts) ? (await readFile(starts, 'utf8')).length : 0;
    assert.ok(started <= 1, `${started} starts`);
  }

  /** Runs a command with a launcher that may open this many files. */
  async function runsWith(files: number): Promise<void> {
    const [home, tools] = await Promise.all([newFolder(), newFolder()]);
    const starts = join(tools, 'starts');
    const wanted = launch(`echo >>${starts}; exit 3`, home);
    const poor = new Launchers(home, await perlWith(tools, '', `ulimit -n ${files}`));
    const launcher = await poor.current();
    if (launcher !== null) {
      const { code, fault } = await endOf(launcher, wanted);
      if (fault === null) assert.equal(code, 3);
      else assert.match(fault, /^EMFILE: |^the launcher has ended$/);
      await poor.close();
    }
    assert.deepEqual(await readdir(home), []);
    assert.deepEqual(await processTable().find({ mark: wanted.mark }), []);
  }

  interface End {
    readonly code: number | null;
    /** Says why it was not started. */
    readonly fault: string | null;
    /** The files that the launcher named. */
    readonly left: readonly string[];
  }

  async function endOf(launcher: Launcher, wanted: Launch): Promise<End> {
    try {
      const launched = await launcher.start(wanted);
      const { code } = await launched.exited;
      return { code, fault: null, left: (await launched.release()).files };
    } catch (error) {
      if (!(error instanceof NotLaunched)) throw error;
      return { code: null, fault: error.message, left: error.left.files };
    }
  }

  /** Sends a signal to the launcher of a home again and again, until something is done. */
  async function whileSignalled(home: string, signal: NodeJS.Signals, done: Promise<unknown>): Promise<void> {
    const pid = await pidOf(home);
    let isDone = false;
    void done.finally(() => (isDone = true));
    await soon('it goes on', () => isDone || !process.kill(pid, signal));
  }

  async function newFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'spl-launcher-'));
    folders.push(folder);
    return folder;
  }

  /** Makes a Perl that runs some code first, and its shell a line before that. @returns its path */
  async function perlWith(folder: string, code: string, line = ''): Promise<string> {
    const program = join(folder, 'perl');
    await writeFile(join(folder, 'Changed.pm'), `package main; BEGIN { ${code} } 1;`);
    await writeFile(program, `#!/bin/sh\n${line}\nexec perl -I'${folder}' -MChanged "$@"\n`);
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

  const pidOf = async (home = dir): Promise<number> => {
    const [found] = await processTable().find({ text: `spl-guard ${home}` });
    return found?.pid ?? assert.fail('it does not run');
  };
  const running = async (): Promise<Launcher> => (await launchers.current()) ?? assert.fail('no Perl');

  function launch(script: string, home = dir): Launch {
    const id = randomUUID();
    return {
      id,
      words: [script],
      errexit: false,
      env: { PATH: process.env['PATH'], SPL_ATTEMPT_ID: id },
      dir: home,
      asserted: null,
      input: null,
      files: [],
      mark: `SPL_ATTEMPT_ID=${id}`,
      note: join(home, id),
      place: () => Promise.resolve({ fifo: join(home, `${id}.out`), control: null }),
    };
  }
});
