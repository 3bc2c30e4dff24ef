"""What each vendor's tools read, and how Yosys synthesises for their FPGAs."""

from dataclasses import dataclass

from ..flows import TOP

__all__ = ["VENDORS", "Vendor"]


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """Of one family.

    Attributes
    ----------
    product : the bitstream that the tools make
    changed : file of the project, words of Amaranth's in it, and what stands there instead
    added : by file, what follows Amaranth's
    attributes : Yosys's commands that turn memories' attributes into the vendor's
    synthesis : Yosys's commands for a design that is read already; they find the files of this folder
    cells : what makes up each count of `project.Project`, and how much of it one cell is
    """

    product: str
    changed: tuple[tuple[str, str, str], ...] = ()
    added: dict[str, str]
    attributes: str = ""
    synthesis: str
    cells: dict[str, dict[str, int]]


# A bitstream of a design that is too slow for its clock is none. Paths without a clock would have a slack of infinity.
_VIVADO_CHECK = """\
set paths [get_timing_paths -no_report_unconstrained -delay_type max]
if {[llength $paths] == 0} {
    puts "ERROR: the design has no clock; see the warnings about create_clock above"
    exit 1
}
set slack [get_property SLACK $paths]
if {$slack < 0} {
    puts "ERROR: the design misses its clock by [expr {-$slack}] ns; give hwgen a slower --clock"
    exit 1
}
"""
# Vivado refuses a memory of more than 1,000,000 bits (Synth 8-4556), which weights may be, unless it is told otherwise.
_VIVADO_LARGE = 'set_param synth.elaboration.rodinMoreOptions "rt::set_parameter var_size_limit 16777216"\n'
_VIVADO_CONSTRAINTS = """\
set_property CFGBVS VCCO [current_design]
set_property CONFIG_VOLTAGE 3.3 [current_design]
"""
_QUARTUS = {
    f"{TOP}.qpf": f'PROJECT_REVISION = "{TOP}"\n',
    f"{TOP}.sdc": "derive_pll_clocks\nderive_clock_uncertainty\n",
}
# MAX 10 loads initial contents of RAM only from an image of this kind (MAX 10 FPGA Configuration User Guide).
_MAX10_SETTINGS = 'set_global_assignment -name INTERNAL_FLASH_UPDATE_MODE "SINGLE IMAGE WITH ERAM"\n'


def _quartus_attributes(ram: str) -> str:
    """Quartus calls it ramstyle and, where nothing writes, romstyle."""
    return f'setattr -set ramstyle "{ram}" -set romstyle "{ram}" a:ram_style=block'


def _intel(command: str, library: str) -> str:
    """The family's synthesis command, with our map of its block RAM before its own, which then finds no memory."""
    return f"""\
proc
techmap -autoproc -map quartus_cells.v
read_verilog -lib -DNO_CLEARBOX +/intel/common/altpll_bb.v
{command} -run begin:map_bram
opt_dff
opt_clean
check -assert
memory_libmap -lib {library} a:ram_style=block
read_verilog -lib block_ram.v
{command} -nobram -run map_ffram:check
"""


VENDORS = {
    "xc7": Vendor(
        product=f"{TOP}.bit",
        changed=(
            (f"{TOP}.tcl", "synth_design ", f"{_VIVADO_LARGE}synth_design "),
            (f"{TOP}.tcl", "[get_pins -of ", "[get_pins -quiet -of "),  # of no cells, where there is no reset button
            (f"{TOP}.tcl", "write_bitstream ", f"{_VIVADO_CHECK}write_bitstream "),
            # On a net, whose name may change, it is refused with a warning, and the design then has no clock.
            (f"{TOP}.xdc", "[get_nets ", "[get_ports "),
        ),
        added={f"{TOP}.xdc": _VIVADO_CONSTRAINTS},
        attributes='setattr -set rom_style "block" a:ram_style=block',  # of what nothing writes
        # Yosys's BUFGCTRL has no such parameter. ABC9 stops with an assertion where the design is not flat.
        synthesis=f"""\
setparam -unset SIM_DEVICE t:BUFGCTRL
synth_xilinx -family xc7 -flatten -top {TOP}
check -assert
""",
        cells={
            "luts": {
                **{f"LUT{n}": 1 for n in range(1, 7)},
                "SRL16E": 1, "SRLC32E": 1, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM32M": 4, "RAM64M": 4,
            },
            "rams": {"RAMB18E1": 1, "RAMB36E1": 2},
        },
    ),
    "cyclonev": Vendor(
        product=f"{TOP}.sof",
        added=_QUARTUS,
        attributes=_quartus_attributes("M10K"),
        synthesis=_intel(f"synth_intel_alm -family cyclonev -nolutram -top {TOP}", "m10k.txt"),
        cells={
            "luts": {**{f"MISTRAL_ALUT{n}": 1 for n in range(2, 7)}, "MISTRAL_ALUT_ARITH": 1},
            "rams": {"BLOCK_RAM": 1},
        },
    ),
    "max10": Vendor(
        product=f"{TOP}.sof",
        added={**_QUARTUS, f"{TOP}.qsf": _MAX10_SETTINGS},
        attributes=_quartus_attributes("M9K"),
        synthesis=_intel(f"synth_intel -family max10 -top {TOP}", "m9k.txt"),
        cells={
            "luts": {"fiftyfivenm_lcell_comb": 1},
            "rams": {"BLOCK_RAM": 1},
        },
    ),
}  # fmt: skip
