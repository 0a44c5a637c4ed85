#!/usr/bin/env python3
"""Runs a command several times and prints CPU seconds, wall seconds and peak KiB of the best run.

usage: measure.py RUNS CODE… -- COMMAND…    CODE…: the exit codes that count as done
The least CPU time is taken: what else the machine does only ever adds to it.
"""

import os
import subprocess
import sys
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


def main():
    cut = sys.argv.index("--")
    runs, codes, command = int(sys.argv[1]), [int(code) for code in sys.argv[2:cut]], sys.argv[cut + 1 :]
    cpu, wall, memory = min(once(command, codes) for _ in range(runs))
    print(f"{cpu:.3f} {wall:.3f} {memory}")


main()
