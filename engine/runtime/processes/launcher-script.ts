/**
 * Program in Perl that starts the commands of a worker and guards them. A fork of its 8 MB takes a tenth of the time of a
 * fork of Node.js; Perl comes with macOS and with nearly every Linux that has git.
 *
 * A request on its input is a length (32 bits, big-endian) and fields separated by NUL. An answer on its output is a line of
 * fields separated by spaces. When its input ends, as it does when the worker dies, it kills every command that runs.
 *
 * Each command has a berth: a FIFO for its output and a control group. Both are made once, and used again by the next command
 * when nothing of the one before is left.
 *
 * | request | fields |
 * | --- | --- |
 * | `berth` | id, path of a FIFO to make, folder of a control group to make or nothing |
 * | `retire` | id of a berth; removes its FIFO, and its control group if that is empty |
 * | `start` | id, berth, folder or nothing, folder to be in or nothing, input, mark, note or nothing, the note's text after its first two members, `-e` or nothing, number of files, files, number of words, the script and its arguments, the variables that differ from those of the command before: `NAME=value`, or `NAME` for one that is gone |
 * | `release` | id of a command of which nothing runs any more; removes its files and its note |
 * | `ping` | |
 *
 * | answer | fields |
 * | --- | --- |
 * | `ready` | |
 * | `made` | berth, 1 where it has its control group |
 * | `unmade` | berth, the system's reason |
 * | `started` | id, process, 1 where it is in its control group, its start in clock ticks or nothing |
 * | `stale` | id, the system's reason why the berth can't be used any more |
 * | `failed` | id, the system's reason |
 * | `exit` | id, exit code, signal number, 1 where nothing of it is left (then its files and its note are gone, and it is released), 1 where no other process can have its output either |
 * | `released` | id |
 * | `pong` | |
 *
 * After a fork, each page that either process writes to is copied first. So the parent prepares all that it can, waits until the
 * child is the command, and the child does only what nobody can do for it.
 *
 * On Linux it adopts the processes that its commands orphan (`PR_SET_CHILD_SUBREAPER`): a process that left its group becomes
 * a child of the launcher, so that a look at its children replaces a walk over all processes of the machine.
 */
export const LAUNCHER = String.raw`
use strict;
use warnings;
use Errno ();
use Fcntl ();
use POSIX ();

my ($SUBREAPER, $DEATH_SIGNAL) = (36, 1);
# CLONE_VFORK and SIGCHLD: a fork after which the parent waits until the child is the command.
my $FORK_AND_WAIT = 0x4000 | 17;
my %CALLS = ('x86_64' => [157, 56, 112, 59], 'aarch64' => [167, 220, 157, 221]);
my ($prctl, $clone, $setsid, $execve) = $^O eq 'linux' ? @{ $CALLS{(POSIX::uname())[4]} || [] } : ();
my $adopts = defined $prctl && syscall($prctl, $SUBREAPER, 1, 0, 0, 0) == 0 && -r "/proc/self/task/$$/children";
my $launcher = $$;
my $boot = read_file('/proc/sys/kernel/random/boot_id');
chomp $boot;
# 'syscall' takes no constant.
my $shell = '/bin/sh';
# The variables of the next command as NAME=value, by their names.
my %environment;

# By the leader's pid: what runs. By id: what has ended and is not released; the berths.
my (%running, %ended, %berths);
# Children that carry no attempt's mark.
my %unowned;
my %verbs = (berth => \&make_berth, retire => \&retire, start => \&start, release => \&release, ping => sub { answer('pong') });

$0 = "spl-guard $ARGV[0]";
# The first three descriptors are those of the next command.
open my $requests, '<&', 0 or exit 1;
open my $answers, '>&', 1 or exit 1;
sysopen my $nothing, '/dev/null', Fcntl::O_RDWR or exit 1;
POSIX::dup2(fileno $nothing, $_) for 0 .. 2;
pipe my $wakes, my $wake or exit 1;
# What a child says that could not enter its control group.
pipe my $refusals, my $refused or exit 1;
fcntl $_, Fcntl::F_SETFL, Fcntl::O_NONBLOCK for $wakes, $wake, $refusals;
# Handlers, because a command would inherit that a signal is ignored. A child that is not yet the command takes it as such.
for my $name (qw(HUP INT TERM PIPE)) {
  $SIG{$name} = sub {
    return if $$ == $launcher;
    $SIG{$name} = 'DEFAULT';
    kill $name, $$;
  };
}
# Perl ignores this one.
$SIG{FPE} = 'DEFAULT';
$SIG{CHLD} = sub { syswrite $wake, '.' };

answer('ready');
my $bytes = '';
while (1) {
  my $ready = '';
  vec($ready, fileno $requests, 1) = vec($ready, fileno $wakes, 1) = 1;
  next if select($ready, undef, undef, undef) < 0;
  if (vec $ready, fileno $wakes, 1) {
    1 while sysread $wakes, my $wakings, 4096;
    reap();
  }
  next unless vec $ready, fileno $requests, 1;
  my $count = sysread $requests, $bytes, 65536, length $bytes;
  next if !defined $count && $!{EINTR};
  last unless $count;
  while (length $bytes >= 4) {
    my $length = unpack 'N', $bytes;
    last if length $bytes < 4 + $length;
    my ($verb, @fields) = split /\0/, substr($bytes, 4, $length), -1;
    substr $bytes, 0, 4 + $length, '';
    $verbs{$verb}->(@fields);
  }
}
end_all();

sub answer {
  my $line = join ' ', @_;
  $line =~ tr/\n/ /;
  syswrite $answers, "$line\n";
}

# The system's reason as Node.js writes it.
sub reason {
  my $text = "$!";
  my ($name) = sort grep { $!{$_} } keys %!;
  return defined $name ? "$name: $text" : $text;
}

sub read_file {
  my ($file) = @_;
  my $text = '';
  sysopen my $in, $file, Fcntl::O_RDONLY or return '';
  1 while sysread $in, $text, 4096, length $text;
  return $text;
}

sub make_berth {
  my ($id, $fifo, $control) = @_;
  return answer('unmade', $id, reason()) if !POSIX::mkfifo($fifo, 0600);
  my $berth = $berths{$id} = { fifo => $fifo, control => '' };
  if (defined $clone && $control ne '' && mkdir $control) {
    $berth->{control} = $control;
    sysopen $berth->{members}, "$control/cgroup.procs", Fcntl::O_WRONLY or undef $berth->{members};
    sysopen $berth->{events}, "$control/cgroup.events", Fcntl::O_RDONLY;
  }
  answer('made', $id, $berth->{control} eq '' ? 0 : 1);
}

sub retire {
  my $berth = delete $berths{$_[0]};
  unlink $berth->{fifo};
  rmdir $berth->{control} if $berth->{control} ne '';
}

sub start {
  my ($id, $berth, $dir, $asserted, $input, $mark, $note, $tail, $option, $files, @rest) = @_;
  my @files = splice @rest, 0, $files;
  my @words = ($shell, ($option eq '' ? () : $option), '-c', '--', splice @rest, 0, shift @rest);
  set_environment(@rest);
  my $place = $berths{$berth};
  # Another worker takes a control group that stands unused for a leftover.
  return answer('stale', $id, reason()) if $place->{control} ne '' && !-e $place->{control};
  if (!defined $place->{output}) {
    sysopen $place->{output}, $place->{fifo}, Fcntl::O_WRONLY | Fcntl::O_NONBLOCK
      or return answer($!{ENOENT} || $!{ENXIO} ? 'stale' : 'failed', $id, reason());
  }
  # The command before may have changed that.
  fcntl $place->{output}, Fcntl::F_SETFL, 0;
  if ($note ne '' && !make_note($note, $tail)) {
    answer('failed', $id, reason());
    unlink $note;
    return;
  }
  my $attempt = { id => $id, berth => $place, mark => $mark, note => $note, files => \@files };
  POSIX::dup2(fileno $place->{output}, $_) for 1, 2;
  my $refusal = place($dir, $asserted, $input);
  my $pid = fork_into($attempt, $refusal, @words);
  if (!defined $pid) {
    answer('failed', $id, reason());
    unlink $note if $note ne '';
  } else {
    $running{$attempt->{pid} = $pid} = $attempt;
    $attempt->{contained} = defined $place->{members} && !sysread $refusals, my $said, 1 ? 1 : 0;
    my $born = $boot eq '' ? '' : (stat_of($pid))[19];
    write_note($note, Fcntl::O_WRONLY, $pid, $born eq '' ? 'null' : "\"$boot:$born\"", $tail) if $note ne '';
    answer('started', $id, $pid, $attempt->{contained}, $born);
  }
  POSIX::dup2(fileno $nothing, 0) if $input ne '';
  chdir '/' if $dir ne '';
}

# Starts a process that becomes the command, or says why not. Returns its id, or nothing.
sub fork_into {
  my ($attempt, $refusal, @words) = @_;
  my $members = $attempt->{berth}{members};
  my ($pid, $arguments, $variables);
  if (defined $clone) {
    $arguments = pack 'p*', @words, undef;
    $variables = pack 'p*', values %environment, undef;
    $pid = syscall $clone, $FORK_AND_WAIT, 0, 0, 0, 0;
    return undef if $pid < 0;
  } else {
    $pid = fork;
  }
  return $pid if !defined $pid || $pid > 0;
  # Each page that the child writes to is copied, so it does little.
  if (defined $clone) {
    syscall $setsid;
    # The command does not outlive this launcher, by which its worker learns of it.
    syscall $prctl, $DEATH_SIGNAL, 9, 0, 0, 0;
    POSIX::_exit(125) if getppid != $launcher;
    syswrite $members, '0' or syswrite $refused, '.' if defined $members;
    syscall $execve, $shell, $arguments, $variables if $refusal eq '';
  } else {
    POSIX::setsid();
    POSIX::_exit(125) if getppid != $launcher;
    %ENV = map { split /=/, $_, 2 } values %environment;
    no warnings 'exec';
    exec { $shell } @words if $refusal eq '';
  }
  if ($refusal eq '') {
    answer('failed', $attempt->{id}, reason());
  } else {
    syswrite STDOUT, "spl: $refusal\n";
  }
  POSIX::_exit(125);
}

# Enters the folder and opens the input. Returns the reason why it can't, or nothing.
sub place {
  my ($dir, $asserted, $input) = @_;
  return "the folder can't be entered: $!" if $dir ne '' && !chdir $dir;
  my $here = $asserted eq '' ? '' : POSIX::getcwd();
  return "the command would run in $here, and not in $asserted" if $here ne $asserted;
  return '' if $input eq '';
  sysopen my $in, $input, Fcntl::O_RDONLY or return "its input can't be read: $!";
  POSIX::dup2(fileno $in, 0);
  return '';
}

# Takes NAME=value for each variable that the command before did not have like this, and NAME for each that is to go.
sub set_environment {
  for (@_) {
    my $equals = index $_, '=', 1;
    if ($equals < 0) { delete $environment{$_} }
    else { $environment{substr $_, 0, $equals} = $_ }
  }
}

# The worker's home may have lost the folder for notes, but not more: a home that was removed is not made anew.
sub make_note {
  my ($note, $tail) = @_;
  my $flags = Fcntl::O_WRONLY | Fcntl::O_CREAT | Fcntl::O_EXCL;
  return 1 if write_note($note, $flags, 'null', 'null', $tail);
  return 0 if !$!{ENOENT};
  my $folder = $note =~ s{/[^/]*$}{}r;
  mkdir $_, 0700 for $folder =~ s{/[^/]*$}{}r, $folder;
  return write_note($note, $flags, 'null', 'null', $tail);
}

# Without a file handle of Perl, which takes more memory of its own, and so more time after a fork.
sub write_note {
  my ($note, $flags, $group, $start, $tail) = @_;
  my $text = "{\"group\":$group,\"start\":$start,$tail";
  my $out = POSIX::open($note, $flags, 0600) or return 0;
  my $written = POSIX::write($out, $text, length $text) // 0;
  POSIX::close($out);
  return $written == length $text;
}

# The fields of a process from its state on; the name before them may hold anything.
sub stat_of {
  my ($process) = @_;
  my $in = POSIX::open("/proc/$process/stat", Fcntl::O_RDONLY) or return ();
  POSIX::read($in, my $stat, 1024);
  POSIX::close($in);
  return split / /, substr $stat, rindex($stat, ')') + 2;
}

sub reap {
  my @exits;
  while ((my $pid = waitpid -1, POSIX::WNOHANG()) > 0) {
    delete $unowned{$pid};
    my $attempt = delete $running{$pid} or next;
    if ($attempt->{dismissed}) {
      remove($attempt);
      next;
    }
    $ended{$attempt->{id}} = $attempt;
    push @exits, [$attempt, $?];
  }
  for (@exits) {
    my ($attempt, $status) = @$_;
    my $clear = !kill(0, -$attempt->{pid}) && $!{ESRCH} && is_alone($attempt) ? 1 : 0;
    remove($attempt) if $clear;
    delete $ended{$attempt->{id}} if $clear;
    # A child without a mark may be one that hides.
    my $private = $clear && ($attempt->{contained} || !%unowned) ? 1 : 0;
    answer('exit', $attempt->{id}, $status >> 8, $status & 127, $clear, $private);
  }
}

# Tells whether nothing that the attempt started is left outside of its group.
sub is_alone {
  my ($attempt) = @_;
  my $events = $attempt->{berth}{events};
  if ($attempt->{contained} && defined $events && sysseek($events, 0, 0) && sysread $events, my $text, 256) {
    return $1 == 0 if $text =~ /^populated (\d)/m;
  }
  return $adopts && !owns_children($attempt);
}

# Tells whether something that the attempt started has become a child of this launcher.
sub owns_children {
  my ($attempt) = @_;
  my ($name) = split /=/, $attempt->{mark};
  for my $pid (split / /, read_file("/proc/self/task/$$/children")) {
    next if $running{$pid} || $unowned{$pid};
    my @stat = stat_of($pid);
    next if !@stat || $stat[0] eq 'Z';
    return 1 if $stat[3] eq $attempt->{pid};
    my $environment = "\0" . read_file("/proc/$pid/environ");
    return 1 if index($environment, "\0$attempt->{mark}\0") >= 0;
    $unowned{$pid} = 1 if index($environment, "\0$name=") < 0;
  }
  return 0;
}

# Removes the files and the note of a command of which nothing is left.
sub remove {
  my ($attempt) = @_;
  unlink @{ $attempt->{files} }, ($attempt->{note} eq '' ? () : $attempt->{note});
}

sub release {
  my ($id) = @_;
  my ($attempt) = grep { $_->{id} eq $id } values %running;
  # Its process has not been collected yet.
  $attempt->{dismissed} = 1 if $attempt;
  remove($ended{$id}) if $ended{$id};
  delete $ended{$id};
  answer('released', $id);
}

# The worker is gone: kills each group, then what left it, as far as it is in the control group or carries the mark.
sub end_all {
  $ENV{PATH} = '/usr/bin:/bin';
  my @attempts = grep { $_->{pid} } values %running, values %ended;
  for (1 .. 5) {
    my @left = grep { kill 'KILL', -$_->{pid} } @attempts;
    1 while waitpid(-1, POSIX::WNOHANG()) > 0;
    last unless grep { kill 0, -$_->{pid} } @left;
    select undef, undef, undef, 0.1;
  }
  my %found;
  for my $round (1 .. 5) {
    %found = ();
    for my $attempt (grep { $_->{contained} } @attempts) {
      my $control = $attempt->{berth}{control};
      if (sysopen my $switch, "$control/cgroup.kill", Fcntl::O_WRONLY) { syswrite $switch, '1' }
      $found{$_} = $attempt->{id} for split /\n/, read_file("$control/cgroup.procs");
    }
    for my $process (@attempts ? glob '/proc/[0-9]*' : ()) {
      my $environment = "\0" . read_file("$process/environ");
      my ($owner) = grep { index($environment, "\0$_->{mark}\0") >= 0 } @attempts;
      $found{substr $process, 6} = $owner->{id} if $owner;
    }
    last unless %found;
    kill 'KILL', keys %found;
    1 while waitpid(-1, POSIX::WNOHANG()) > 0;
    select undef, undef, undef, 0.1;
  }
  my %staying = map { $_ => 1 } values %found;
  for my $attempt (@attempts) {
    $attempt->{note} = '' if $staying{$attempt->{id}} || $boot eq '';
    remove($attempt);
  }
  my @controls = grep { $_ ne '' } map { $_->{control} } values %berths;
  system { 'find' } 'find', @controls, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';' if @controls;
  unlink map { $_->{fifo} } values %berths;
}
`;
