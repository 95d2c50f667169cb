"""`python -m disttrain` and the `disttrain` command."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command line. Report an interruption in one line, from the first import on."""
    try:
        from disttrain.cli.app import main as run

        run()
    except KeyboardInterrupt as fault:
        # A second one must not interrupt the exit.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        from disttrain.errors import STOPPED, word_of

        print(word_of(fault), file=sys.stderr, flush=True)
        os._exit(STOPPED[word_of(fault)])


if __name__ == "__main__":
    main()
