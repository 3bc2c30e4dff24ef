"""The commands, one module each, and what they share with `hwgen.cli`, which alone prints.

A command module has

- ``HELP``: one line for the list of commands; ``EXAMPLES``: lines shown by its ``--help``;
- ``add_arguments(parser)``: its options, with the helpers of `hwgen.commands.options` where several share one;
- ``run(options, session) -> Answer``: does the work. It imports what it needs when it runs, so that ``--help`` and
  small commands start at once. Bad input is an `InputError`, a failed tool or check a `BuildError`.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

NAMES = (
    "models", "boards", "check", "export", "golden", "plan", "generate", "verify", "build", "project", "flash", "board",
    "demo", "load", "run", "train", "study", "bench",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command found.

    Attributes
    ----------
    text : for people, on standard output
    json : the same for programs, what ``--json`` prints instead
    status : exit status, 0, or 1 where a check failed
    """

    text: str
    json: dict = field(default_factory=dict)
    status: int = 0


class Session(Protocol):
    """What a command may tell while it runs; all of it goes to standard error."""

    def message(self, text: str) -> None:
        """One line."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """A step of unknown length, shown while the context lasts."""
        ...

    def progress(self, title: str) -> AbstractContextManager[Callable[[int, int], None]]:
        """A step of known length: call what it gives with (done, total)."""
        ...

    def live(self, title: str) -> AbstractContextManager[Callable[[str], None]]:
        """Something that goes on until it is ended: call what it gives with what there is to say of it now."""
        ...
