"""Files beside the Verilog of an accelerator with which it is put into a design: one module per kind of file."""

from . import constraints, csr_header, fusesoc, litex, template
from .design import SHELLS, Design, check_shell

__all__ = ["SHELLS", "Design", "check_shell", "files"]


def files(design: Design) -> dict[str, str]:
    """The text of every such file, by its name."""
    return {
        f"{design.top}.core": fusesoc.core_file(design),
        f"{design.top}.sdc": constraints.timing(design),
        **constraints.pins(design.board),
        csr_header.NAME: csr_header.header(design.plan),
        litex.NAME: litex.example(design),
        template.NAME: template.instance(design),
    }
