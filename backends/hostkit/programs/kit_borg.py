"""Running Borg on a host, whichever way it reaches its repository: started, listened to, and surely ended.

Nothing stays: the passphrase goes from stdin into a pipe, everything temporary is in one private directory that is removed, and
when the engine goes away, Borg is ended. What Borg prints on stderr goes to stderr line by line; what this program itself says
stands between those lines, marked with a word that only the engine knows, so that no file name or hook can say it.
"""

import binascii
import errno
import os
import select
import signal
import subprocess
import sys
import tempfile
import time

from kit_text import encode

TICK_SECONDS = 0.5
TERM_SECONDS = 10.0  # Borg rolls back and gives its locks back
PIECE = 48 << 10
LINE = 64 << 10  # a longer line of Borg's is passed on in parts
POLLRDHUP = getattr(select, "POLLRDHUP", 0x2000)
SECRET_LIMIT = 4096
ROOT = os.environ.get("BORGROOT", "")


class Failed(Exception):
    """args: kind ("missing", "failed"), text."""


class Gone(Exception):
    """The engine is not there any more."""


def write(handle, data):
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(handle, view) :]
        except BlockingIOError:
            select.select([], [handle], [])
        except OSError as error:
            if error.errno in (errno.EPIPE, errno.ECONNRESET, errno.EBADF):
                raise Gone()
            raise


def read_secret():
    """What follows the program on stdin: its length in a line, then itself. It is never longer than a pipe is wide."""
    head = b""
    while not head.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte or len(head) > 8:
            raise Gone()
        head += byte
    size = int(head)
    if size > SECRET_LIMIT:
        raise Failed("failed", "the secret is too long")
    data = b""
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            raise Gone()
        data += piece
    return data


def private(path):
    """A directory that only we can enter; its parents are made as usual. Somebody else's is refused."""
    parent = os.path.dirname(path)
    if not os.path.isdir(parent):
        os.makedirs(parent, 0o755, exist_ok=True)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    found = os.lstat(path)
    if found.st_uid != os.geteuid() or (found.st_mode & 0o170000) != 0o040000:
        raise Failed("failed", "%s is not a directory of ours" % path)
    if found.st_mode & 0o077:
        os.chmod(path, 0o700)
    return path


def base():
    """Where Borg's caches live. They hold no key: a repository that keeps its key itself never gives it to a file."""
    if os.geteuid() == 0:
        return private(private(ROOT + "/var/cache/swarm-tui") + "/borg")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return private(private(os.path.join(home, "swarm-tui")) + "/borg")


def scratch():
    """A private directory in memory where there is one."""
    places = (
        [ROOT + "/run"] if os.geteuid() == 0 else [os.environ.get("XDG_RUNTIME_DIR"), "/run/user/%d" % os.geteuid()]
    )
    for place in places:
        if place and os.access(place, os.W_OK | os.X_OK):
            return tempfile.mkdtemp(prefix="swarm-borg-", dir=place)
    return tempfile.mkdtemp(prefix="swarm-borg-")


def machine_id():
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            with open(path) as file:
                text = file.read(64).strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text:
            return text
    return "unknown"


def ticks(pid):
    """When a process was started, in clock ticks since boot: with it, a number that was given again is not taken for it."""
    with open("/proc/%d/stat" % pid, "rb") as file:
        raw = file.read(1024)
    return int(raw[raw.rindex(b")") + 2 :].split()[19])


def remove(place):
    """Delete a directory of files, as far as that is possible."""
    for folder, folders, files in os.walk(place, topdown=False):
        for path in [os.path.join(folder, name) for name in files + folders] + [folder]:
            try:
                (os.rmdir if os.path.isdir(path) and not os.path.islink(path) else os.unlink)(path)
            except OSError:
                pass


class Voice(object):
    """Everything that goes to stderr: Borg's lines, and between them ours, marked with the engine's word."""

    def __init__(self, token):
        self.mark = b"swarm-" + token.encode("ascii") + b" "
        self.rest = b""
        self.inside = False  # a part of a line was passed on

    def say(self, **what):
        rest, self.rest = self.rest, b""
        if rest or self.inside:
            write(2, rest + b"\n")
            self.inside = False
        write(2, self.mark + encode(what) + b"\n")

    def pass_on(self, data):
        data = self.rest + data
        end = data.rfind(b"\n") + 1
        if not end and len(data) > LINE:
            end = len(data)
        self.rest = data[end:]
        if end:
            write(2, data[:end])
            self.inside = data[end - 1 : end] != b"\n"


class Borg(object):
    """One Borg. `watched`: {handle: what to do when it can be read}, besides its own streams."""

    def __init__(self, arguments, voice, watched):
        self.arguments, self.voice, self.watched = arguments, voice, dict(watched)
        self.process = None
        self.gone = False
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self.told)

    def told(self, number, frame):
        self.gone = True

    def start(self, secret, environment, keep=()):
        """Begin, and report both processes. `keep`: handles that Borg may use."""
        given = self.arguments
        surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("BORG_", "PYTHON", "LC_"))}
        surroundings.update(given["env"])
        surroundings.update(environment)
        surroundings["BORG_BASE_DIR"] = base()
        surroundings["BORG_HOST_ID"] = "%s@%s" % (given["name"], machine_id())
        if given["directory"] and not os.path.isdir(given["directory"]):
            raise Failed("failed", "no such directory: %s" % given["directory"])
        read, end = os.pipe()
        try:
            write(end, secret)
            surroundings["BORG_PASSPHRASE_FD"] = str(read)
            self.process = subprocess.Popen(
                given["argv"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=surroundings,
                cwd=given["directory"] or surroundings["BORG_BASE_DIR"],
                pass_fds=(read, *keep),
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise Failed("missing", "cannot start %s: %s" % (given["argv"][0], error.strerror or error))
        finally:
            os.close(read)
            os.close(end)
        pid = self.process.pid
        self.voice.say(type="swarm_started", pid=pid, ticks=ticks(pid), launcher=os.getpid())

    def run(self):
        """Until its end; its exit status, negative for a signal. Raises Gone."""
        out, err = self.process.stdout.fileno(), self.process.stderr.fileno()
        poll = select.poll()
        poll.register(out, select.POLLIN)
        poll.register(err, select.POLLIN)
        # nothing is read there: it belongs to the relay, or nothing comes
        poll.register(0, POLLRDHUP)
        for handle in self.watched:
            poll.register(handle, select.POLLIN)
        streams = {out, err}
        while streams:
            if self.gone:
                raise Gone()
            ended = self.process.poll() is not None
            ready = poll.poll(0 if ended else TICK_SECONDS * 1000)
            if ended and not any(handle in streams for handle, _ in ready):
                break  # what still holds its streams is not Borg
            for handle, events in ready:
                if handle in streams:
                    if not self.read(handle, handle == out):
                        poll.unregister(handle)
                        streams.discard(handle)
                elif handle == 0:
                    raise Gone()
                elif self.watched[handle]():
                    poll.unregister(handle)
        return self.wait()

    def read(self, handle, out):
        data = os.read(handle, PIECE)
        if data and out:
            self.voice.say(type="swarm_out", data=binascii.b2a_base64(data).decode("ascii").strip())
        elif data:
            self.voice.pass_on(data)
        return data

    def wait(self):
        """It has closed its streams: wait for its end, and for the engine's."""
        poll = select.poll()
        poll.register(0, POLLRDHUP)
        while self.process.poll() is None:
            if self.gone or poll.poll(TICK_SECONDS * 100):
                raise Gone()
        return self.process.returncode

    def end(self):
        """Leave no process of it, however far it came."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            deadline = time.monotonic() + TERM_SECONDS
            while self.process.poll() is None and time.monotonic() < deadline:
                self.drop_output()
                time.sleep(0.05)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except OSError:
            pass  # nobody is left in its group, as it should be
        self.process.wait()

    def drop_output(self):
        """Nobody listens any more, but a full pipe would keep it from ending."""
        handles = [self.process.stdout.fileno(), self.process.stderr.fileno()]
        for handle in select.select(handles, [], [], 0)[0]:
            os.read(handle, PIECE)


def carry_out(arguments, prepare):
    """The whole run: greet, start, listen, end; the exit status of this program. `prepare(place)` returns what the way to the
    repository takes: (environment, handles that Borg may use, {handle: what to do when it can be read})."""
    os.umask(0o077)
    no_core()
    name_it()
    voice = Voice(arguments["token"])
    try:
        try:
            voice.say(type="swarm_exit", rc=until_end(arguments, prepare, voice))
            return 0
        except Failed as error:
            voice.say(type="swarm_failed", kind=error.args[0], text=error.args[1])
        except Gone:
            raise
        except Exception as error:
            voice.say(type="swarm_failed", kind="failed", text="%s: %s" % (type(error).__name__, error))
        return 70
    except Gone:
        return 75


def until_end(arguments, prepare, voice):
    """Borg's exit status; nothing of the run is left then, whatever became of it."""
    write(1, b"\nswarm-kit 1 borg\n")
    secret = read_secret()
    place = scratch()
    borg = None
    try:
        environment, keep, watched = prepare(place)
        borg = Borg(arguments, voice, watched)
        borg.start(secret, environment, keep)
        return borg.run()
    finally:
        if borg is not None:
            borg.end()
        remove(place)


def name_it():
    """What `ps` and `top` show instead of python3."""
    try:
        with open("/proc/self/comm", "w") as file:
            file.write("swarm-borg")
    except OSError:
        pass


def no_core():
    """What is in memory must not come to be in a file when a program crashes."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass


def leave(status):
    """Without waiting for anything that Python would wait for."""
    sys.stdout = sys.stderr = None
    os._exit(status)
