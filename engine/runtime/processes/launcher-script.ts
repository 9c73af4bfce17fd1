/**
 * Program in Perl that starts the commands of a worker and guards them. A fork of its 8 MB takes a tenth of the time of a
 * fork of Node.js; Perl comes with macOS and with nearly every Linux that has git.
 *
 * A request on its input is a length (32 bits, big-endian) and fields separated by NUL. An answer on its output is a line of
 * fields separated by spaces. When its input ends, as it does when the worker dies, it kills every command that runs.
 *
 * | request | fields |
 * | --- | --- |
 * | `pipe` | id, path of a FIFO to make |
 * | `start` | id, folder or nothing, folder to be in or nothing, input, FIFO for the output, mark, control group or nothing, note or nothing, the note's text after its first two members, `-e` or nothing, number of files, files, number of words, the script and its arguments, environment |
 * | `release` | id of a command of which nothing runs any more; removes its files and its note |
 * | `ping` | |
 *
 * | answer | fields |
 * | --- | --- |
 * | `ready` | |
 * | `made` | id; the system's reason where it was not made |
 * | `started` | id, process, 1 where it is in its control group |
 * | `failed` | id, the system's reason |
 * | `exit` | id, exit code, signal number, 1 where nothing of it is left (then its files and its note are gone) |
 * | `released` | id |
 * | `pong` | |
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
my %PRCTL = ('x86_64' => 157, 'aarch64' => 167);
my $prctl = $^O eq 'linux' ? $PRCTL{(POSIX::uname())[4]} : undef;
my $adopts = defined $prctl && syscall($prctl, $SUBREAPER, 1, 0, 0, 0) == 0 && -r "/proc/self/task/$$/children";
my $launcher = $$;
my $boot = read_file('/proc/sys/kernel/random/boot_id');
chomp $boot;

# By the leader's pid: what runs. By id: what has ended and is not released.
my (%running, %ended);
# FIFOs that no command has yet.
my %spare;
# Children that carry no attempt's mark.
my %unowned;
my %verbs = (pipe => \&make_pipe, start => \&start, release => \&release, ping => sub { answer('pong') });

$0 = "spl-guard $ARGV[0]";
open my $answers, '>&', 1 or exit 1;
pipe my $wakes, my $wake or exit 1;
fcntl $_, Fcntl::F_SETFL, Fcntl::O_NONBLOCK for $wakes, $wake;
$SIG{$_} = 'IGNORE' for qw(HUP INT TERM PIPE);
$SIG{CHLD} = sub { syswrite $wake, '.' };

answer('ready');
my $requests = '';
while (1) {
  my $ready = '';
  vec($ready, 0, 1) = vec($ready, fileno $wakes, 1) = 1;
  next if select($ready, undef, undef, undef) < 0;
  if (vec $ready, fileno $wakes, 1) {
    1 while sysread $wakes, my $bytes, 4096;
    reap();
  }
  next unless vec $ready, 0, 1;
  my $count = sysread STDIN, $requests, 65536, length $requests;
  next if !defined $count && $!{EINTR};
  last unless $count;
  while (length $requests >= 4) {
    my $length = unpack 'N', $requests;
    last if length $requests < 4 + $length;
    my ($verb, @fields) = split /\0/, substr($requests, 4, $length), -1;
    substr $requests, 0, 4 + $length, '';
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
  open my $in, '<', $file or return '';
  local $/;
  my $text = <$in>;
  return defined $text ? $text : '';
}

sub make_pipe {
  my ($id, $path) = @_;
  return answer('made', $id, reason()) if !POSIX::mkfifo($path, 0600);
  $spare{$path} = 1;
  answer('made', $id);
}

sub start {
  my ($id, $dir, $asserted, $input, $fifo, $mark, $control, $note, $tail, $option, $files, @rest) = @_;
  my @files = splice @rest, 0, $files;
  my @words = splice @rest, 0, shift @rest;
  my $attempt = { id => $id, mark => $mark, control => $control, note => $note, files => [@files, $fifo] };
  delete $spare{$fifo};
  my $pid = fork;
  if (!defined $pid) {
    answer('failed', $id, reason());
    return $ended{$id} = $attempt;
  }
  if ($pid != 0) {
    # The process enters it as well, before it begins; here it shows whether that can be.
    $attempt->{contained} = $control ne '' && enter($control, $pid);
    return $running{$attempt->{pid} = $pid} = $attempt;
  }
  eval {
    become(@_[0 .. 9], \@words, \@rest);
  };
  answer('failed', $id, "$@");
  POSIX::_exit(125);
}

# In the child: becomes the command, or dies of what is in the way.
sub become {
  my ($id, $dir, $asserted, $input, $fifo, $mark, $control, $note, $tail, $option, $words, $environment) = @_;
  $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM PIPE CHLD);
  POSIX::setsid();
  # The command does not outlive this launcher, by which its worker learns of it.
  syscall $prctl, $DEATH_SIGNAL, 9, 0, 0, 0 if defined $prctl;
  die "its launcher is gone\n" if getppid != $launcher;
  my $contained = $control ne '' && enter($control, $$) ? 1 : 0;
  write_note($note, $tail) if $note ne '';
  sysopen my $out, $fifo, Fcntl::O_WRONLY or die reason() . "\n";
  POSIX::dup2(fileno $out, 1);
  POSIX::dup2(fileno $out, 2);
  my $refusal = place($dir, $asserted, $input);
  answer('started', $id, $$, $contained);
  if ($refusal ne '') {
    syswrite STDOUT, "spl: $refusal\n";
    POSIX::_exit(125);
  }
  %ENV = map { split /=/, $_, 2 } @$environment;
  no warnings 'exec';
  exec { '/bin/sh' } '/bin/sh', ($option eq '' ? () : $option), '-c', '--', @$words or die reason() . "\n";
}

# Enters the folder and opens the input. Returns the reason why it can't, or nothing.
sub place {
  my ($dir, $asserted, $input) = @_;
  return "the folder can't be entered: $!" if $dir ne '' && !chdir $dir;
  my $here = $asserted eq '' ? '' : POSIX::getcwd();
  return "the command would run in $here, and not in $asserted" if $here ne $asserted;
  sysopen my $in, $input, Fcntl::O_RDONLY or return "its input can't be read: $!";
  POSIX::dup2(fileno $in, 0);
  return '';
}

sub enter {
  my ($control, $pid) = @_;
  sysopen my $members, "$control/cgroup.procs", Fcntl::O_WRONLY or return 0;
  return defined syswrite $members, $pid;
}

# The worker's home may have lost the folder for notes, but not more: a home that was removed is not made anew.
sub write_note {
  my ($note, $tail) = @_;
  my $start = $boot eq '' ? 'null' : '"' . $boot . ':' . (stat_of('self'))[19] . '"';
  sysopen my $out, $note, Fcntl::O_WRONLY | Fcntl::O_CREAT | Fcntl::O_EXCL, 0600 or die reason() . "\n";
  my $text = "{\"group\":$$,\"start\":$start,$tail";
  die reason() . "\n" if (syswrite($out, $text) // 0) != length $text;
}

# The fields of a process from its state on; the name before them may hold anything.
sub stat_of {
  my ($process) = @_;
  my $stat = read_file("/proc/$process/stat");
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
    answer('exit', $attempt->{id}, $status >> 8, $status & 127, $clear);
  }
}

# Tells whether nothing that the attempt started is left outside of its group.
sub is_alone {
  my ($attempt) = @_;
  my $events = $attempt->{control} eq '' ? '' : read_file("$attempt->{control}/cgroup.events");
  return $1 == 0 if $events =~ /^populated (\d)/m && $attempt->{contained};
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

# Removes the files and the note of a command of which nothing is left. The worker has its FIFO open.
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
    for my $attempt (grep { $_->{control} ne '' } @attempts) {
      if (sysopen my $switch, "$attempt->{control}/cgroup.kill", Fcntl::O_WRONLY) { syswrite $switch, '1' }
      $found{$_} = $attempt->{id} for split /\n/, read_file("$attempt->{control}/cgroup.procs");
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
    system { 'find' } 'find', $attempt->{control}, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';' if $attempt->{control} ne '';
    $attempt->{note} = '' if $staying{$attempt->{id}} || $boot eq '';
    remove($attempt);
  }
  unlink keys %spare;
}
`;
