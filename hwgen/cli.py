"""The command line: parses, runs one command, prints, and turns every ending into an exit status.

Standard output carries the answer and nothing else: text, or one JSON object with ``--json``. Progress and messages go
to standard error. Exit status 0: done; 1: a check or a build failed; 2: bad input; 130: interrupted.
"""

import argparse
import importlib
import importlib.metadata
import io
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .commands import NAMES
from .errors import BuildError, InputError

TRACEBACK = "HWGEN_TRACEBACK"
PATIENCE = 2.0
"""Seconds that a step may take off a terminal before a line says what is being done."""

_EPILOG = """\
examples:
  hwgen check tfc_w1a1                          what a model holds
  hwgen golden my.onnx --data mnist:test        accuracy of a trained model, in exact integers
  hwgen build tfc_w1a1 --board icebreaker       a bitstream

MODEL is a name that `hwgen models` lists, or the path of an .onnx, .npz or .pt file; BOARD a name that `hwgen boards`
lists. `hwgen COMMAND --help` says more.

exit status: 0 done, 1 a check or a build failed, 2 bad input, 130 interrupted"""


class _Parser(argparse.ArgumentParser):
    """Ends with one sentence, like all bad input, and not with a usage text."""

    def error(self, message):
        raise InputError(f"{message}; see `{self.prog} --help`")


class _Version(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        try:
            version = importlib.metadata.version("hwgen")
        except importlib.metadata.PackageNotFoundError:
            version = "of a clone that is not installed"
        print(f"hwgen {version}")
        parser.exit()


class TerminalSession:
    """Messages and progress on standard error: moving bars on a terminal, elsewhere a line for what takes long."""

    def message(self, text: str) -> None:
        print(text, file=sys.stderr)

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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no reason to fail
    try:
        with _terminate_as_interrupt():
            options = parser().parse_args(arguments)
            answer = options.run(options, TerminalSession())
            print(json.dumps(answer.json) if getattr(options, "json", False) else answer.text)
            sys.stdout.flush()
            return answer.status
    except InputError as error:
        return _fail(error, 2)
    except BuildError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the exit flushes into the pipe again
        return 1
    except MemoryError:
        return _fail("there is not enough memory for this; take a smaller model or fewer images with --limit", 1)
    except Exception as error:
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        lines = str(error).splitlines() or [""]
        return _fail(
            f"internal error, please report it: {type(error).__name__}: {lines[0]} ({TRACEBACK}=1 shows where)", 1
        )


def _fail(message, status):
    print(f"hwgen: {message}", file=sys.stderr)
    return status


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """SIGTERM unwinds like Ctrl-C, so that nothing half-done stays behind."""

    def interrupt(number, frame):
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread: the caller handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
