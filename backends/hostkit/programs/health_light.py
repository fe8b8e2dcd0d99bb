"""The facts of health.py that change from one minute to the next, cheap enough to be asked each minute.

ARGUMENTS: {}. Python 3.6, standard library only. Answers as health.py does. Changes nothing, needs no root, starts no service.
"""

import kit_health_devices as devices
import kit_health_host as host
from kit_health_answer import answer

SECONDS = 10.0


def tasks():
    return [
        ("boot", host.boot, SECONDS),
        ("mounts", host.mounts, SECONDS),
        ("raid", host.raid, SECONDS),
        ("processes", devices.processes, SECONDS),
        ("units", host.key_units, SECONDS),
        ("clock", host.chrony, SECONDS),
    ]


if __name__ == "__main__":
    answer(tasks())
