"""Two network taps joined by a slow wire: every frame that enters one leaves the other a while later.

Stands in for `tc netem`, which many kernels lack. Taps, not packet sockets: with taps the kernel finishes checksums
and segmentation before it hands a frame over. Run as a program: tapdelay.py TAP_A TAP_B MILLISECONDS
"""

from __future__ import annotations

import fcntl
import heapq
import itertools
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAME_BYTES = 65536


def tap(name: str) -> int:
    """Make a tap of that name; returns its file descriptor."""
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return handle


def frames(handle: int) -> list[bytes]:
    """Every frame that waits; none when the device is down."""
    found = []
    try:
        while True:
            found.append(os.read(handle, FRAME_BYTES))
    except OSError:  # nothing more, or the device is down: a cut cable is an ordinary state
        return found


def send(handle: int, frame: bytes) -> None:
    """Put a frame on the wire; a full queue or a device that is down loses it, as a real wire would."""
    try:
        os.write(handle, frame)
    except OSError:
        return


def carry(one: int, other: int, seconds: float) -> None:
    """Carry frames both ways until killed."""
    far = {one: other, other: one}
    waiting: list[tuple[float, int, int, bytes]] = []
    order = itertools.count()
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for handle in select.select([one, other], [], [], timeout)[0]:
            due = time.monotonic() + seconds
            for frame in frames(handle):
                heapq.heappush(waiting, (due, next(order), far[handle], frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, handle, frame = heapq.heappop(waiting)
            send(handle, frame)


if __name__ == "__main__":
    carry(tap(sys.argv[1]), tap(sys.argv[2]), float(sys.argv[3]) / 1000)
