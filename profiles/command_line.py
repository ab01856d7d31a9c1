"""What all command lines share: errors of one line, types of options, and files that are not replaced without a word."""

from __future__ import annotations

import argparse
import difflib
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with the likely option; options are not abbreviated."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, as :func:`guarded` prints it.

        Raises
        ------
        ValueError
            In any case.
        """
        known = [option for action in self._actions for option in action.option_strings]
        _, _, unknown = message.partition("unrecognized arguments: ")
        near = difflib.get_close_matches(unknown.partition("=")[0].split(" ")[0], known, 1)
        guess = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"{message}{guess} (see {self.prog} --help)")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and read a ``~`` in a path as a shell does not after ``--option=``."""
        options, rest = super().parse_known_args(args, namespace)
        for name, value in vars(options).items():
            if isinstance(value, Path):
                setattr(options, name, value.expanduser())
        return options, rest


def guarded(
    main: Callable[[], int],
    errors: tuple[type[BaseException], ...] = (ValueError, OSError),
    message: Callable[[BaseException], str] = str,
) -> int:
    """Run a command; turn a user's mistake into one line on standard error and exit code 2.

    Parameters
    ----------
    main
        Returns the exit code.
    errors
        What is raised for mistakes.
    message
        What is said of one.
    """
    try:
        return main()
    except errors as error:
        file = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else ""
        print(f"error: {file or message(error)}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"error: there is not enough memory: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def count(text: str) -> int:
    """Read a whole number of at least 1, as the type of an option."""
    return _whole(text, 1)


def whole(text: str) -> int:
    """Read a whole number of at least 0, as the type of an option."""
    return _whole(text, 0)


def processes(text: str) -> int:
    """Read a number of processes, as the type of an option; -1 is one per core."""
    return -1 if text == "-1" else count(text)


def positive(text: str) -> float:
    """Read a positive number, as the type of an option."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return value


def _whole(text: str, least: int) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return int(text)


def refuse_existing(option: str, path: Path, overwrite: bool) -> None:
    """Refuse to replace a file, unless told to; a directory is never replaced.

    Raises
    ------
    ValueError
        With the option that names the file.
    """
    if path.is_dir():
        raise ValueError(f"{option} is {path}, which is a directory; give the path of a file")
    if not path.parent.is_dir():
        raise ValueError(f"{option} is {path}, but there is no directory {path.parent}; make it first")
    if path.exists() and not overwrite:
        raise ValueError(f"{option} is {path}, which exists; give another path, or add --overwrite")
