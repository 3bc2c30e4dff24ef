"""ONNX files: QONNX as Brevitas exports it (today and years ago) and the FINN-ONNX dialect."""

from dataclasses import replace
from pathlib import Path

import onnx

from ...network import Network
from ..pixels import InputRange
from .operators import OPERATORS
from .reader import Graph, graph_of, read
from .walk import Walk


def load(path: Path, input_range: InputRange) -> tuple[Network, tuple[str, ...]]:
    """The network of an ONNX file, and what a user should know about how it was read.

    Raises
    ------
    InputError : naming the node, the reason and the mend
    """
    return _import(read(path), path.stem, input_range)


def from_model(
    model: onnx.ModelProto, input_range: InputRange, name: str = "network"
) -> tuple[Network, tuple[str, ...]]:
    """The network of an ONNX model in memory; errors as in `load`."""
    return _import(graph_of(model), name, input_range)


def _import(graph: Graph, name: str, input_range: InputRange):
    chain = Walk(graph, replace(input_range, raw=graph.pixel_type)).run(OPERATORS)
    network = chain.network("the network's output", name)
    return network, tuple(chain.messages)
