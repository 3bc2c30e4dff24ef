"""What `hwgen generate` writes beside the Verilog, as those read it whom it is for."""

import json
import os
import re
import subprocess
import sys

import pytest
from amaranth.hdl import Elaboratable, Module
from amaranth.lib import io

from hwgen import boards
from hwgen.flow import integration, platforms, projects, toolchain, verilog
from hwgen.flow.integration import SHELLS, Design, constraints, csr_header, litex, template
from hwgen.hdl import csr
from hwgen.hdl.shells import bus
from rtl_tests.helpers.zoo import CASES

BOARD = boards.load("icebreaker")

AXI_LITE = """awaddr awprot awvalid awready wdata wstrb wvalid wready bresp bvalid bready
              araddr arprot arvalid arready rdata rresp rvalid rready"""
AXI_NAMES = {
    *("aclk", "aresetn"),
    *(f"s_axi_{name}" for name in AXI_LITE.split()),
    *(f"{prefix}_axis_{name}" for prefix in "sm" for name in ("tdata", "tvalid", "tready", "tlast")),
}
"""Names by which Vivado's packager finds AXI4-Lite, two AXI4-Streams, their clock and their reset."""


@pytest.fixture(scope="module", params=list(SHELLS))
def design(request):
    plan = next(case for case in CASES if case.name == "dense only").plan()
    return Design.of(plan, BOARD, request.param, 12_345_678)


@pytest.fixture(scope="module")
def folder(design, tmp_path_factory):
    """Whatever is written of `design`, in a folder with a blank in its name."""
    folder = tmp_path_factory.mktemp(f"a {design.shell}")
    for name, text in integration.files(design).items():
        (folder / name).write_text(text)
    (folder / f"{design.top}.v").write_text(verilog.emit(design.component, design.top))
    return folder


def run(command, cwd, **environment):
    """Standard output and error of a program that ends well."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, text=True, timeout=300, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def lint(folder, top, *files):
    """Verilator's errors, and its warnings of ports that are left out, or of other names or widths."""
    with toolchain.applied(toolchain.verilator_environment()):
        command = [toolchain.verilator(), "--lint-only", "-Wno-fatal", "-Wno-style", "--top-module", top, *files]
        output = run(command, folder)
    return {line for line in output.splitlines() if re.match(r"%.*(PIN|IMPLICIT|Error|WIDTH.*port)", line)}


def test_the_ports_are_those_that_are_told(design, folder):
    script = f"read_verilog {design.top}.v\nhierarchy -top {design.top}\nproc\nwrite_json ports.json\n"
    (folder / "ports.ys").write_text(script)
    toolchain.run("yosys", ["ports.ys"], cwd=folder, log=None)
    module = json.loads((folder / "ports.json").read_text())["modules"][design.top]
    found = {name: (port["direction"], len(port["bits"])) for name, port in module["ports"].items()}
    assert {p.name: ("input" if p.is_input else "output", p.width) for p in design.ports} == found
    assert {design.clock, design.reset} < set(found)
    if design.shell == "axi":
        assert set(found) == AXI_NAMES
        attributes = module["netnames"]["aclk"]["attributes"]
        assert attributes["X_INTERFACE_PARAMETER"] == "ASSOCIATED_BUSIF s_axi:s_axis:m_axis, ASSOCIATED_RESET aresetn"
        assert module["netnames"]["aresetn"]["attributes"]["X_INTERFACE_PARAMETER"] == "POLARITY ACTIVE_LOW"


def test_the_template_is_an_instance(design, folder):
    (folder / "around.v").write_text(f"module around;\n{(folder / template.NAME).read_text()}endmodule\n")
    assert lint(folder, "around", "around.v", f"{design.top}.v") == set()
    lines = (folder / template.NAME).read_text().splitlines()
    assert len([line for line in lines if re.search(r"\S+\(\S+\),? +// (in|out): \w", line)]) == len(design.ports)


def test_the_header_in_c(design, folder):
    text = (folder / csr_header.NAME).read_text()
    names = [name for name in re.findall(r"^#define (HWGEN_CSR_\w+) ", text, re.MULTILINE) if name != "HWGEN_CSR_H"]
    shown = "".join(f'printf("{name} %lu\\n", (unsigned long)({name}));' for name in names)
    layer = 'printf("layer %lu\\n", (unsigned long)(HWGEN_CSR_LAYER_CYCLES(2)));'
    (folder / "show.c").write_text(
        f'#include "{csr_header.NAME}"\n#include "{csr_header.NAME}"\n#include <stdio.h>\n'
        f"int main(void) {{ {shown}{layer} return 0; }}\n"
    )
    run(["g++", "-x", "c", "-std=c90", "-pedantic", "-Wall", "-Wextra", "-Werror", "show.c", "-o", "show"], folder)
    values = {name: int(value) for name, value in map(str.split, run(["./show"], folder).splitlines())}
    assert values.pop("layer") == 4 * csr.layer_cycles(2)
    plan = design.plan
    expected = {register.name: 4 * register for register in csr.Register if register.name != "CYCLES"}
    expected |= {
        "STREAM": 4 * bus.STREAM,
        "BYTES": 1024,
        "STATUS_BUSY": csr.STATUS_BUSY,
        "CONTROL_SOFT_RESET": csr.CONTROL_SOFT_RESET,
        "STREAM_MISFRAMED": bus.STREAM_MISFRAMED,
        "NO_CLASS": bus.NO_CLASS,
        "MAGIC_VALUE": csr.MAGIC,
        "VERSION_VALUE": csr.VERSION,
        "MODEL_VALUE": csr.model_word(plan.network.digest),
        "LAYERS_VALUE": len(plan.stages),
        **dict(zip(("CHANNELS_VALUE", "HEIGHT_VALUE", "WIDTH_VALUE"), plan.lowered.image_shape, strict=True)),
        "LOGITS_VALUE": plan.logits.count,
        **dict(zip(("P_VALUE", "S_VALUE", "Q_VALUE"), (8, 4, 1), strict=True)),
    }
    assert {name.removeprefix("HWGEN_CSR_"): value for name, value in values.items()} == expected


def test_the_shells_register_is_none_of_the_cores():
    assert bus.STREAM not in set(csr.Register) and bus.STREAM >= csr.Register.CYCLES + csr.MAX_LAYER_CYCLES


def test_fusesoc_sets_it_up(design, folder, tmp_path):
    fusesoc = [sys.executable, "-m", "fusesoc.main", "--config", tmp_path / "fusesoc.conf", "--cores-root", folder]
    (tmp_path / "fusesoc.conf").touch()
    name = f"hwgen:accelerator:dense_only_{design.shell}"
    shown = run([*fusesoc, "core", "show", name], tmp_path)
    assert f"{name}:0.{csr.VERSION}.0" in shown
    for target in ("lint", "synth"):
        command = [*fusesoc, "run", "--setup", "--build-root", tmp_path / target, "--target", target, name]
        assert "WARNING" not in run(command, tmp_path)
        (project,) = (tmp_path / target).rglob("*.eda.yml")
        text = project.read_text()
        assert f"toplevel: {design.top}\n" in text and f"{design.top}.v" in text
        assert (f"{design.top}.sdc" in text) == (target == "synth")
    (script,) = (tmp_path / "synth").rglob("*_procs.tcl")
    assert "synth_ice40" in script.read_text()


def test_litex_elaborates_the_example(design, folder):
    """It writes a system's Verilog, in which every port of the accelerator but those for simulation is connected."""
    run([sys.executable, litex.NAME], folder)
    assert "memory_region,accelerator,0x30000000,1024,io" in (folder / "build" / "csr.csv").read_text().splitlines()
    warned = lint(folder, "system", "build/system.v", f"{design.top}.v")
    open_ports = {port.name for port in design.ports if port.name.startswith("trace__")}
    assert {re.search(r"PINMISSING.*'(\w+)'$", line)[1] for line in warned} == open_ports


def test_the_clocks_constraint(design):
    assert f"-name {design.clock} -period 81.000 [get_ports {design.clock}]" in constraints.timing(design)


class Echo(Elaboratable):
    """A design on the pins in question."""

    def elaborate(self, platform):
        m = Module()
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        m.d.sync += tx.o.eq(rx.i)
        return m


def normal(line):
    """A constraint without what its writers may choose: blanks, and the unit of a frequency."""
    line = re.sub(r"([\d.]+) (M?)HZ", lambda found: f"{float(found[1]) * (1e6 if found[2] else 1):.0f}", line)
    return re.sub(r"(\d)\.0$", r"\1", " ".join(line.split()))


@pytest.mark.parametrize("name", boards.names())
def test_pins_are_those_of_bitstreams(name):
    """Every pin, its settings and the clock, but for names, as Amaranth writes them for a whole design on the board."""
    board = boards.load(name)
    platform = platforms.platform(board)
    ((file, text),) = constraints.pins(board).items()
    suffixes = {"ice40": "pcf", "ecp5": "lpf", "gowin": "cst", "xc7": "xdc", "cyclonev": "qsf", "max10": "qsf"}
    suffix = suffixes[board.target.family]
    assert file == f"{name}.{suffix}"
    called = {f"{platform.default_clk}_0__io": "clk", "uart_0__rx__io": "uart_rx", "uart_0__tx__io": "uart_tx"}
    if platform.default_rst:
        called[f"{platform.default_rst}_0__io"] = "rst"
    if board.target.family in projects.VENDORS:
        theirs = projects.files(Echo(), board)[f"top.{suffix}"]
    else:
        theirs = platform.build(Echo(), name="top", do_build=False).files[f"top.{suffix}"]
    assert isinstance(theirs, str)
    for name_there, name_here in called.items():
        theirs = theirs.replace(name_there, name_here)

    def constraining(text):
        return {normal(line) for line in text.splitlines() if re.search(r"\b(clk|rst|uart_[rt]x)\b", line)}

    ours = constraining(re.sub(r"^(#|//).*$", "", text, flags=re.MULTILINE))
    assert ours == constraining(theirs) and len(ours) >= 3
