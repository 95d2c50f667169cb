"""`python -m disttrain` and the `disttrain` command."""

from disttrain.cli.app import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
