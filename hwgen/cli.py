"""The command line: parses, runs one command, prints, and turns every ending into an exit status.

Standard output carries the answer and nothing else: text, or one JSON object with ``--json``. Progress and messages go
to standard error. Exit status 0: done; 1: a check or a build failed; 2: bad input; 130: interrupted.
"""

import argparse
import errno
import importlib
import importlib.metadata
import io
import json
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from .commands import NAMES
from .errors import BuildError, InputError

TRACEBACK = "HWGEN_TRACEBACK"
PATIENCE = 2.0
"""Seconds that a step may take off a terminal before a line says what is being done."""

_REFUSALS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP),
}
"""What the system says where a file cannot be made or written, which is no fault of hwgen."""

_EPILOG = """\
examples:
  hwgen check tfc_w1a1                          what a model holds
  hwgen golden my.onnx --data mnist:test        accuracy of a trained model, in exact integers
  hwgen build tfc_w1a1 --board icebreaker       a bitstream

MODEL is a name that `hwgen models` lists, or the path of an .onnx, .npz or .pt file; BOARD a name that `hwgen boards`
lists, or the path of a .toml file like those in boards/. `hwgen COMMAND --help` says more.

exit status: 0 done, 1 a check or a build failed, 2 bad input, 130 interrupted"""


class _Parser(argparse.ArgumentParser):
    """Ends with one sentence, like all bad input, and not with a usage text."""

    def error(self, message):
        raise InputError(f"{message}; see `{self.prog} --help`")

    def parse_args(self, args=None, namespace=None):
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            raise InputError(f"unrecognized arguments: {' '.join(unknown)}; see `{self.prog} {options.command} --help`")
        return options

    def print_help(self, file=None):
        _print(self.format_help())


class _Version(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        try:
            version = importlib.metadata.version("hwgen")
        except importlib.metadata.PackageNotFoundError:
            version = "of a clone that is not installed"
        _print(f"hwgen {version}\n")
        parser.exit()


class TerminalSession:
    """Messages and progress on standard error: moving bars on a terminal, elsewhere a line for what takes long."""

    def message(self, text: str) -> None:
        _tell(text)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        if not sys.stderr.isatty():
            with self._line(title):
                yield
            return
        from rich.console import Console
        from rich.text import Text

        with Console(stderr=True).status(Text(title)):
            yield

    @contextmanager
    def progress(self, title: str) -> Iterator[Callable[[int, int], None]]:
        if not sys.stderr.isatty():
            with self._line(title):
                yield lambda done, total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(title, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total or None)

    @contextmanager
    def live(self, title: str) -> Iterator[Callable[[str], None]]:
        if not sys.stderr.isatty():
            yield lambda text: None
            return
        from rich.console import Console
        from rich.text import Text

        with Console(stderr=True).status(Text(title)) as status:
            yield lambda text: status.update(Text(text))

    @contextmanager
    def _line(self, title: str) -> Iterator[None]:
        timer = threading.Timer(PATIENCE, self.message, [title])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def parser() -> argparse.ArgumentParser:
    """The whole command line. Reading it imports no heavy package."""
    options: dict = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    top = _Parser(
        prog="hwgen",
        description="Turns a trained binary-weight CNN into hardware that computes exactly what the network does.",
        epilog=_EPILOG,
        **options,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and end")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for name in NAMES:
        module = importlib.import_module(f".commands.{name}", __package__)
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=f"{module.HELP[0].upper()}{module.HELP[1:]}.",
            epilog=f"examples:\n{module.EXAMPLES}",
            **options,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. `arguments`: default those of the process."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no reason to fail
    try:
        with _interrupted_by_signals():
            options = parser().parse_args(arguments)
            _check_current_folder()
            answer = options.run(options, TerminalSession())
            _print((json.dumps(answer.json) if getattr(options, "json", False) else answer.text) + "\n")
            return answer.status
    except InputError as error:
        return _fail(error, 2)
    except BuildError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        return 1
    except MemoryError:
        return _fail("there is not enough memory for this; take a smaller model or fewer images", 1)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _REFUSALS:
            return _fail(f"{error.filename or 'a file cannot be written'}: {error.strerror}", 2)
        if os.environ.get(TRACEBACK):
            _tell(traceback.format_exc())
        lines = str(error).splitlines() or [""]
        return _fail(
            f"internal error, please report it: {type(error).__name__}: {lines[0]} ({TRACEBACK}=1 shows where)", 1
        )


def _fail(message, status):
    warnings.filterwarnings("ignore", message=".* created but never used")  # of hardware that is given up half-made
    _tell(f"hwgen: {message}")
    return status


def _print(text: str) -> None:
    """To standard output, at once. InputError: it cannot be written."""
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        _discard(sys.stdout)
        raise
    except OSError as error:
        _discard(sys.stdout)
        raise InputError(f"standard output cannot be written ({error.strerror})") from None


def _tell(text: str) -> None:
    """A line on standard error, if that can be written."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """What the stream still holds goes nowhere, or the process's end would fail on it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_closed_streams() -> None:
    """A stream that was closed before the start goes nowhere; else the next file opened would get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))


def _check_current_folder() -> None:
    try:
        os.getcwd()
    except FileNotFoundError:
        raise InputError("the current folder was removed; change to another") from None


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind like Ctrl-C, so that nothing half-done stays behind."""

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = {}
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup leaves it
                before[number] = signal.signal(number, interrupt)
    except ValueError:  # not in the main thread: the caller handles signals
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
