#!/usr/bin/env python3
"""Prints one line of a benchmark from two measurements of measure.py.

usage: compare.py NAME CPU WALL KIB OTHER OTHER_CPU OTHER_WALL OTHER_KIB NOTE
"""

import sys

name, cpu, wall, memory, other, other_cpu, other_wall, other_memory, note = sys.argv[1:]


def seconds(text):
    number = float(text)
    return f"{number:.2f}s" if number >= 0.1 else f"{number * 1000:.1f}ms"


def show(cpu, wall, memory):
    return f"{seconds(cpu)}/{seconds(wall)}/{int(memory) / 1024:.0f}MiB"


ratio = float(cpu) / float(other_cpu)
lighter = float(memory) / float(other_memory)
print(
    f"{name}: ours {show(cpu, wall, memory)}, {other} {show(other_cpu, other_wall, other_memory)},"
    f" ratio {ratio:.3f}x, memory {lighter:.3f}x ({note})"
)
