"""`Device` for asyncio: a thread of its own talks to the board, the event loop never waits."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import ParamSpec, TypeVar

import numpy as np

from ..errors import BuildError
from .device import Device, Identity, Line, Result
from .protocol import BAUD, WINDOW

__all__ = ["AsyncDevice"]

T = TypeVar("T")
P = ParamSpec("P")

NESTED = 1.0
"""Seconds that a task waits for results of its own; those that it has dropped are given up at once."""


class _Stopped(Exception):
    """What the thread did is not wanted any more."""


class _StoppableLine:
    """A line whose reads can be made to fail, from another thread."""

    def __init__(self, line: Line):
        self.line = line
        self.stopped = threading.Event()

    @property
    def in_waiting(self) -> int:
        return self.line.in_waiting

    def read(self, size: int, /) -> bytes:
        if self.stopped.is_set():
            raise _Stopped
        return self.line.read(size)

    def write(self, data: bytes, /) -> object:
        return self.line.write(data)

    def reset_input_buffer(self) -> object:
        return self.line.reset_input_buffer()

    def close(self) -> object:
        return self.line.close()


class AsyncDevice:
    """A board behind `Device`, for one event loop. An async context manager: it closes the port.

    Commands of several tasks follow one another; the results of one `classify_all` count as one command until they are
    taken to their end or closed. A command that is cancelled, by a time-out too, and results that are closed early
    leave the device usable: the thread stops waiting within a fraction of a second and resets the board, which drops
    the images that it has, before the next command. Cancelling `open` closes the port.

    Parameters
    ----------
    device : which nothing else uses from now on

    Attributes
    ----------
    identity : what the board holds
    """

    def __init__(self, device: Device):
        self.identity: Identity = device.identity
        self._device = device
        self._line = device.line = _StoppableLine(device.line)
        self._thread = ThreadPoolExecutor(1, "hwgen-board")
        self._closed = False
        self._turn = asyncio.Lock()
        self._owner: asyncio.Task | None = None

    @classmethod
    async def open(cls, port: str, baud: int = BAUD, *, patience: float = 10.0) -> "AsyncDevice":
        """The board at `port`, as `Device.open` finds it; what it raises is raised here."""
        thread = ThreadPoolExecutor(1, "hwgen-open")
        opening = thread.submit(Device.open, port, baud, patience=patience)
        thread.shutdown(wait=False)
        try:
            return cls(await asyncio.shield(asyncio.wrap_future(opening)))
        except asyncio.CancelledError:
            opening.add_done_callback(_close)
            raise

    async def __aenter__(self) -> "AsyncDevice":
        return self

    async def __aexit__(self, *exception):
        await self.close()

    async def close(self):
        """Closes the port; a command under way ends with an error."""
        self._closed = True
        self._line.stopped.set()
        with suppress(RuntimeError):  # closed before
            self._thread.submit(self._device.close)
        self._thread.shutdown(wait=False)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

    async def classify(self, image: np.ndarray) -> Result:
        """`Device.classify`."""
        return await self._command(self._device.classify, image)

    async def classify_all(self, images: Iterable[np.ndarray] | AsyncIterable[np.ndarray]) -> AsyncIterator[Result]:
        """`Device.classify_all`. The images are taken in the event loop, up to two before the first result."""
        source = aiter(images) if isinstance(images, AsyncIterable) else _in_turn(images)
        waiting: deque[np.ndarray] = deque()

        def fed():
            while waiting:
                yield waiting.popleft()

        async with self._taken():
            results = self._device.classify_all(fed())
            complete = False
            try:
                # The driver asks for so many images before the first result, and then for one after each.
                while len(waiting) < WINDOW and (image := await anext(source, None)) is not None:
                    waiting.append(image)
                while (result := await self._in_thread(next, results, None)) is not None:
                    yield result
                    if (image := await anext(source, None)) is not None:
                        waiting.append(image)
                complete = True
            finally:
                if not complete:
                    self._recover()

    async def test(self) -> Result:
        """`Device.test`."""
        return await self._command(self._device.test)

    async def registers(self) -> list[int]:
        """`Device.registers`."""
        return await self._command(self._device.registers)

    async def reset(self):
        """`Device.reset`."""
        await self._command(self._device.reset)

    def check_model(self, digest: str):
        """`Device.check_model`, which asks the board nothing."""
        self._device.check_model(digest)

    async def _command(self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        async with self._taken():
            try:
                return await self._in_thread(function, *arguments, **options)
            except asyncio.CancelledError:
                self._recover()
                raise

    @asynccontextmanager
    async def _taken(self):
        """The device for this task alone.

        RuntimeError: it is this task that has it, for results that it has neither taken to their end nor closed.
        """
        own = self._owner is not None and self._owner is asyncio.current_task()
        try:
            async with asyncio.timeout(NESTED if own else None):
                await self._turn.acquire()
        except TimeoutError:
            raise RuntimeError(
                "results of classify_all are still open in this task; take them to their end or close them first"
            ) from None
        self._owner = asyncio.current_task()
        try:
            yield
        finally:
            self._owner = None
            self._turn.release()

    async def _in_thread(self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        try:
            running = self._thread.submit(function, *arguments, **options)
        except RuntimeError:  # the thread is no more
            raise BuildError(f"{self._device.name} was closed") from None
        try:
            return await asyncio.wrap_future(running)
        except _Stopped:
            raise BuildError(f"{self._device.name} was closed") from None

    def _recover(self):
        """Stops what the thread does, and has it reset the board next."""
        self._line.stopped.set()
        with suppress(RuntimeError):  # the thread is no more
            self._thread.submit(self._reset)

    def _reset(self):
        self._line.stopped.clear()
        if self._closed:
            self._line.stopped.set()
            return
        with suppress(BuildError, _Stopped):  # the next command meets the same
            self._device.reset()


def _close(opening: "Future[Device]"):
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


async def _in_turn(images: Iterable[np.ndarray]) -> AsyncIterator[np.ndarray]:
    for image in images:
        yield image
