"""The web server of the page: its files, what is at work, samples, and images to classify."""

import asyncio
import io
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ..data import pictures
from ..data.fitting import fit
from ..errors import BuildError, InputError

__all__ = ["address", "application", "listen", "serve"]

PAGE = Path(__file__).with_name("page")
MAX_PICTURE = 20 << 20
"""Bytes of a picture's file."""


def application(
    classify: Callable[[bytes], dict], about: dict, samples: Sequence[np.ndarray], method: str
) -> Starlette:
    """The page as an ASGI application.

    Parameters
    ----------
    classify : as `classifier.Classifier.classify`
    about : what the page says of model and board; its ``shape`` is (channels, height, width), ``bits`` a pixel's
    samples : images for those who do not draw, uint8 (height, width, channels)
    method : how drawings and pictures are fitted, see `hwgen.data.fitting`
    """
    channels, height, width = about["shape"]
    size = channels * height * width

    async def page(request: Request) -> Response:
        return FileResponse(PAGE / "index.html")

    async def facts(request: Request) -> Response:
        return JSONResponse({**about, "samples": len(samples)})

    async def sample(request: Request) -> Response:
        number = request.path_params["number"]
        if number >= len(samples):
            return JSONResponse({"error": f"there are {len(samples)} samples"}, 404)
        return Response(samples[number].tobytes(), media_type="application/octet-stream")

    def fitted(file: bytes) -> bytes:
        return fit(pictures.decode(io.BytesIO(file), upright=True), about["shape"], method, about["bits"])[0].tobytes()

    async def picture(request: Request) -> Response:
        file = await _body(request, MAX_PICTURE)
        if len(file) > MAX_PICTURE:
            return JSONResponse({"error": f"the picture has over {MAX_PICTURE >> 20} MB; take a smaller one"}, 400)
        try:
            return Response(await run_in_threadpool(fitted, file), media_type="application/octet-stream")
        except ValueError as error:
            return JSONResponse({"error": f"this picture cannot be taken: {error}"}, 400)

    async def image(request: Request) -> Response:
        data = await _body(request, size)
        if len(data) != size:
            return JSONResponse({"error": f"an image has {size} bytes: {height} x {width} x {channels}"}, 400)
        try:
            return JSONResponse(await run_in_threadpool(classify, data))
        except InputError as error:
            return JSONResponse({"error": str(error)}, 400)
        except BuildError as error:
            return JSONResponse({"error": str(error)}, 503)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/about", facts),
            Route("/samples/{number:int}", sample),
            Route("/picture", picture, methods=["POST"]),
            Route("/classify", image, methods=["POST"]),
            Mount("/page", StaticFiles(directory=PAGE)),
        ]
    )


async def _body(request: Request, most: int) -> bytes:
    """What is sent, or a part of it that is more than `most` bytes."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            break
    return bytes(data)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens: who comes before the server is up waits. `port`: 0 for any that is free.

    Raises
    ------
    InputError : the port cannot be had
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise InputError(f"port {port} of {host} cannot be had ({reason}); name another with --http, or 0") from None


def address(listener: socket.socket) -> str:
    """Of the page at a socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(made: Starlette, listener: socket.socket) -> None:
    """Serve until Ctrl-C; whoever is being answered then has two seconds."""
    config = uvicorn.Config(made, log_level="warning", lifespan="off", timeout_graceful_shutdown=2)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
