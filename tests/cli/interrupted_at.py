"""Runs the command line and sends this process signals when it comes to a given point. Arguments: POINT SIGNALS, then those of disttrain.

A POINT is `import:MODULE`, or `call:MODULE:NAME` of a function, which is called after the signals. SIGNALS are numbers such as `2,2`.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from importlib.abc import MetaPathFinder


def send(numbers: list[int]) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


class AtImport(MetaPathFinder):
    def __init__(self, name: str, numbers: list[int]) -> None:
        self.name, self.numbers = name, numbers

    def find_spec(self, name: str, *_: object) -> None:
        if name == self.name and self.numbers:
            numbers, self.numbers = self.numbers, []
            send(numbers)
        return


def at_call(module: str, name: str, numbers: list[int]) -> None:
    room = importlib.import_module(module)
    before = getattr(room, name)

    def then(*arguments, **options):
        waiting, numbers[:] = list(numbers), []
        send(waiting)
        return before(*arguments, **options)

    setattr(room, name, then)


if __name__ == "__main__":
    # A shell has its background jobs pass Ctrl-C over.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    (kind, _, point), signals = sys.argv[1].partition(":"), [int(number) for number in sys.argv[2].split(",")]
    sys.argv[1:] = sys.argv[3:]
    if kind == "import":
        sys.meta_path.insert(0, AtImport(point, signals))
    else:
        at_call(*point.split(":"), signals)
    from disttrain.__main__ import main

    main()
