"""hwgen generate: the hardware as Verilog."""

from pathlib import Path

from ..errors import InputError
from . import Answer
from .options import add_board, add_clock, add_json, add_model, add_shape, load_fit

HELP = "write Verilog, memory images, a host in C, and what puts it into a design of your own"
EXAMPLES = """\
  hwgen generate tfc_w1a1 --board icebreaker -o build/tfc
  hwgen generate cnv_w1a1 --board ulx3s_85f --shell axi"""


def add_arguments(parser):
    add_model(parser)
    add_board(parser)
    add_shape(parser)
    add_clock(parser)
    parser.add_argument(
        "--shell",
        default="core",
        metavar="SHELL",
        help="what is around the core: axi (AXI4-Lite registers, AXI4-Stream images and results), wishbone (the "
        "registers on Wishbone, the streams the same) or core (nothing) (default: core)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="folder to write (default: one named after model, board and digest in build/)",
    )
    add_json(parser)


def run(options, session) -> Answer:
    from ..flow.generate import generate
    from ..flow.integration import Design, check_shell
    from ..models import file_name
    from ..report.plan import plan_facts

    check_shell(options.shell)
    if options.loadable and options.shell != "core":
        raise InputError("--loadable goes with --shell core: the registers of a bus have no place for rows of tables")
    fit, board, model = load_fit(options, session)
    shape = fit.plan.shape
    style = fit.plan.style
    design = f"{shape.p}x{shape.s}x{shape.q}-{style.cells}{style.stages}-{model.network.digest[:12]}"
    if options.shell != "core":
        design = f"{options.shell}-{design}"
    if options.loadable:
        design = f"loadable-{design}"
    folder = options.output or Path("build") / f"{file_name(options.model)}-{board.name}-{design}"
    facts = {"model": options.model, **plan_facts(fit, board)}
    with session.step("writing the Verilog"):
        made = Design.of(fit.plan, board, options.shell, fit.target.clock_hz)
        manifest = generate(made, folder, facts)
    lines = [f"wrote {folder}:", *(f"  {name}  {entry['bytes']:,} bytes" for name, entry in manifest["files"].items())]
    return Answer(text="\n".join(lines), json=manifest)
