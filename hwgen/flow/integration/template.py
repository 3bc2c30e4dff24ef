"""A Verilog instantiation template: every port, with a wire of its width and what it means."""

from .design import Design

__all__ = ["NAME", "instance"]

NAME = "instance.v"


def instance(design: Design) -> str:
    """Declarations of wires of the ports' names, and the instance; to be copied into a module."""
    ports = design.ports
    declared = [f"wire {f'[{p.width - 1}:0] ' if p.width > 1 else ''}{p.name};" for p in ports]
    tied = [f".{p.name}({p.name}){',' if p is not ports[-1] else ''}" for p in ports]
    said = [f"// {'in' if p.is_input else 'out'}: {p.meaning}" for p in ports]
    width = max(map(len, tied))
    return "\n".join(
        [
            f"// Copy this into your module. {design.top} is in {design.top}.v.",
            *declared,
            "",
            f"{design.top} {design.top}_0 (",
            *(f"    {t.ljust(width)}  {s}" for t, s in zip(tied, said, strict=True)),
            ");",
            "",
        ]
    )
