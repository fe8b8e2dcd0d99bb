"""Borg on a host without any credential there: its RPC goes through the very SSH channel that started this program.

Borg starts "ssh" (BORG_RSH); that is a few lines of Python here, which get this program's own stdin and stdout handed over a
private socket and move the bytes. So the RPC takes one hop on the host, and no socket, key or directory outlives the first
second. ARGUMENTS: {"argv", "env", "directory", "name", "token"}; the passphrase follows on stdin.
"""

import os
import shlex
import socket
import struct
import sys

from kit_borg import carry_out, leave

RELAY = """\
import os,select,socket,struct,sys,_thread
s=socket.socket(socket.AF_UNIX);s.settimeout(30);s.connect(sys.argv[1])
m=s.recvmsg(1,socket.CMSG_SPACE(8))
i,o=struct.unpack("2i",m[1][0][2][:8]);s.close()
def move(a,b):
    try:
        while 1:
            try:d=os.read(a,131072)
            except BlockingIOError:select.select([a],[],[]);continue
            if not d:break
            v=memoryview(d)
            while v:
                try:v=v[os.write(b,v):]
                except BlockingIOError:select.select([],[b],[])
    except OSError:pass
    os._exit(0)
_thread.start_new_thread(move,(i,1))
move(0,o)
"""  # either end's end is the end: Borg waits for this program, and this program waits for nobody


def prepare(place):
    path = os.path.join(place, "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)

    def hand_over():
        """Borg's "ssh" is there: give it our stdin and stdout; nobody else can come after it."""
        link, _ = listener.accept()
        with link:
            rights = struct.pack("2i", 0, 1)
            link.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        listener.close()
        os.unlink(path)
        os.rmdir(place)
        return True

    argv = [sys.executable, "-I", "-S", "-c", RELAY, path]
    environment = {"BORG_RSH": " ".join(shlex.quote(word) for word in argv)}
    return environment, (), {listener.fileno(): hand_over}


if __name__ == "__main__":
    leave(carry_out(ARGUMENTS, prepare))  # noqa: F821 (set by the bundle)
