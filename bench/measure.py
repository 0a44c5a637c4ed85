#!/usr/bin/env python3
"""Runs a command several times and prints CPU seconds, wall seconds and peak KiB of the best run.

usage: measure.py RUNS CODE… -- COMMAND…    CODE…: the exit codes that count as done
The least CPU time is taken: what else the machine does only ever adds to it. Peak memory comes from one more run under
GNU time where that is installed (apt-get install time), because a child of Python starts with Python's own peak of 14 MiB.
"""

import os
import subprocess
import sys
import tempfile
import time


def once(command, codes):
    begin = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.monotonic() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in codes:
        sys.exit(f"{' '.join(command)} ended with {child.returncode}, expected one of {codes}")
    return used.ru_utime + used.ru_stime, wall, used.ru_maxrss


def peak(command, otherwise):
    timer = "/usr/bin/time"
    if not os.access(timer, os.X_OK):
        return otherwise
    with tempfile.NamedTemporaryFile("r") as told:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        subprocess.run([timer, "-q", "-f", "%M", "-o", told.name, *command], **quiet, check=False)
        return int(told.read())


def main():
    cut = sys.argv.index("--")
    runs, codes, command = int(sys.argv[1]), [int(code) for code in sys.argv[2:cut]], sys.argv[cut + 1 :]
    cpu, wall, memory = min(once(command, codes) for _ in range(runs))
    print(f"{cpu:.4f} {wall:.4f} {peak(command, memory)}")


main()
