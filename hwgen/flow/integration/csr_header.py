"""A C header of the register map, with what the registers of this accelerator hold for good."""

from ...hdl import csr
from ...hdl.shells import bus
from ...plan.plan import Plan

__all__ = ["NAME", "header"]

NAME = "hwgen_csr.h"
PREFIX = "HWGEN_CSR_"


def header(plan: Plan) -> str:
    """C90 and C++: macros only, all of which begin with ``HWGEN_CSR_``."""
    channels, height, width = plan.lowered.image_shape
    registers = [
        (int(register), register.name, register.meaning)
        for register in csr.Register
        if register != csr.Register.CYCLES  # one for each layer: below
    ]
    registers.append((bus.STREAM, "STREAM", f"{bus.STREAM_MEANING} Not in the bare core."))
    bits = [
        ("STATUS_BUSY", csr.STATUS_BUSY),
        ("CONTROL_SOFT_RESET", csr.CONTROL_SOFT_RESET),
        ("STREAM_MISFRAMED", bus.STREAM_MISFRAMED),
    ]
    values = [
        ("MAGIC_VALUE", csr.MAGIC),
        ("VERSION_VALUE", csr.VERSION),
        ("MODEL_VALUE", csr.model_word(plan.network.digest)),
        ("LAYERS_VALUE", len(plan.stages)),
        ("CHANNELS_VALUE", channels),
        ("HEIGHT_VALUE", height),
        ("WIDTH_VALUE", width),
        ("LOGITS_VALUE", plan.logits.count),
        ("P_VALUE", plan.shape.p),
        ("S_VALUE", plan.shape.s),
        ("Q_VALUE", plan.shape.q),
    ]
    lines = [
        "/* Registers of an hwgen accelerator: one 32-bit word each, little-endian. */",
        f"#ifndef {PREFIX}H",
        f"#define {PREFIX}H",
        "",
        "/* Offsets in bytes. Wishbone without byte addresses, and the bare core, count words: a quarter of them. */",
        *(_define(name, f"0x{4 * address:03x}", meaning) for address, name, meaning in sorted(registers)),
        _define(
            "LAYER_CYCLES(layer)",
            f"(0x{4 * csr.Register.CYCLES:03x} + 4 * (layer))",
            "Cycles that a layer, counted from 0, took in the last frame done.",
        ),
        _define("BYTES", f"0x{4 << csr.ADDRESS_BITS:03x}", "Of the whole map."),
        "",
        "/* Bits. */",
        *(_define(name, f"0x{value:x}u") for name, value in bits),
        "",
        "/* What the registers of this accelerator hold for good. */",
        *(_define(name, f"0x{value:08x}u" if value > 0xFFFF else f"{value}u") for name, value in values),
        "",
        "/* The last word of a result that a soft reset cut short: no class. Not from the bare core. */",
        _define("NO_CLASS", f"0x{bus.NO_CLASS:08x}u"),
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def _define(name, value, meaning=""):
    comment = f"  /* {meaning} */" if meaning else ""
    return f"#define {PREFIX}{name} {value}{comment}"
