"""An nvidia-smi that answers from a folder of tests/outputs/nvidia-smi; a file beside it can make it misbehave.

Run as a program of its own, with the folder in SMI_CASE and the file in SMI_MODE: "hang", "hang-loop", "garbage", "die",
"close" (its output, but stay), or "row TEXT" (print that instead of a row).
"""

import os
import sys
import time


def text(name: str) -> str:
    with open(os.path.join(os.environ["SMI_CASE"], name)) as file:
        return file.read()


def mode() -> str:
    try:
        with open(os.environ.get("SMI_MODE", "/nonexistent")) as file:
            return file.read().strip()
    except OSError:
        return ""


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def project(name: str, wanted: list[str]) -> None:
    """The rows of a table with the wanted columns only; lines that are no rows as they are."""
    header, *lines = text(name).splitlines()
    columns = header.split(", ")
    for field in wanted:
        if field not in columns:
            say(f'Field "{field}" is not a valid field to query.')
            sys.exit(2)
    for line in lines:
        cells = line.split(", ")
        say(", ".join(cells[columns.index(field)] for field in wanted) if len(cells) == len(columns) else line)


def misbehave(how: str) -> None:
    if how == "hang":
        time.sleep(600)
    elif how == "garbage":
        os.write(1, b"\xff\xfe\x00 no, rows, here\n" * 50)
    elif how == "close":
        os.close(1)
        os.close(2)
        time.sleep(600)
    elif how == "die":
        say("GPU is lost.  Reboot the system to recover this GPU")
        sys.exit(15)
    elif how.startswith("row "):
        say(how[4:])


def main(arguments: list[str]) -> None:
    if os.path.exists(os.path.join(os.environ["SMI_CASE"], "failure.txt")):
        code, _, words = text("failure.txt").partition("\n")
        os.write(1, words.encode())
        sys.exit(int(code))
    if arguments == ["--help-query-gpu"]:
        misbehave(mode() if mode() == "hang" else "")
        say(text("help-query-gpu.txt"))
        return
    query, name = arguments[0].partition("=")[2].split(","), arguments[0].partition("=")[0][2:] + ".csv"
    assert arguments[1] == "--format=csv,noheader,nounits", arguments
    every = float(arguments[3]) if arguments[2:3] == ["-l"] else 0
    while True:
        how = mode()
        if how == "hang-loop":
            how = "hang" if every else ""
        misbehave(how)
        if not how:
            project(name, query)
        if not every:
            return
        time.sleep(every)


if __name__ == "__main__":
    main(sys.argv[1:])
