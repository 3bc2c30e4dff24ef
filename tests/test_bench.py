"""The benchmark's rows and pictures: what they measure is what there is."""

import contextlib
import json
from dataclasses import replace
from unittest.mock import Mock

import pytest

from hwgen import bench, boards, models
from hwgen.bench import boards as bench_boards
from hwgen.bench import calibrate, clock, fpga, pictures
from hwgen.bench.utilisation import planned
from hwgen.errors import BuildError
from hwgen.flow.projects import Project
from hwgen.plan import plan
from hwgen.plan.cost import FAMILY, quantities
from hwgen.plan.speed import PATHS, Paths


def step(title):
    return contextlib.nullcontext()


def test_rows_bear_the_names_that_they_are_chosen_by():
    rows = bench.measure("utilisation", step)
    assert [row.what for row in rows] == [name for name in bench.ROWS if "utilisation" in name]
    assert len(rows) == 4 and all(row.reached for row in rows)


def test_utilisation_is_that_of_the_plan():
    cnv = planned("cnv_w1a1", 64, 64, 1)
    (row,) = bench.measure("cnv_w1a1 on 64 x 64 x 1", step)
    assert row.ours == cnv.macs / (64 * 64 * cnv.interval)
    assert sum(row.details["cycles_per_layer"]) == cnv.cycles


def test_luts_per_mac(monkeypatch):
    monkeypatch.setattr(bench.array, "synthesise", lambda unit, family: bench.counts.Counts(luts=4096, rams=0))
    (row,) = bench.measure("ice40", step)
    assert row.ours == 2.0 and row.reached and row.theirs and 7 < row.theirs < 8


@pytest.mark.parametrize("name", ["utilisation", "roofline"])
def test_pictures(name, tmp_path):
    pytest.importorskip("matplotlib")
    (path,) = bench.draw(name, tmp_path, step)
    assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 20_000


def test_the_picture_of_luts(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(pictures, "LANES", (8, 16))
    monkeypatch.setattr(pictures, "synthesise", lambda unit, family: bench.counts.Counts(luts=300, rams=0))
    (path,) = bench.draw("LUTs", tmp_path, step)
    assert path.name == "luts-per-binary-mac.png" and path.stat().st_size > 10_000


def test_coefficients_are_found_again():
    """Syntheses made up from coefficients of one's own: from others, the fit predicts them better, and near enough."""
    true = replace(FAMILY["ecp5"], lanes=2.6, accumulators=1.5, fixed=500.0)
    plans = [
        plan(models.load(model).network, boards.load("ulx3s_85f"), p, s, q, cells="generic")
        for model in ("tfc_w1a1", "cnn_mnist_w1a1")
        for p, s, q in ((4, 8, 1), (8, 16, 1), (16, 8, 2), (16, 32, 1), (32, 16, 1), (8, 64, 1))
    ]

    def luts(each, of):
        return sum(getattr(of, name) * amount for name, amount in quantities(each, "ecp5").items())

    measured = [calibrate.Measured(plan=each, family="ecp5", luts=round(luts(each, true))) for each in plans]
    found = calibrate.refit(measured, FAMILY["ecp5"])

    def worst(of):
        return max(abs(luts(m.plan, of) / m.luts - 1) for m in measured)

    assert worst(FAMILY["ecp5"]) > 0.1 and worst(found) < 0.02


def test_paths_are_found_again():
    """Clocks made up from coefficients of one's own, some by the popcount, some by what else there is."""
    kind = ("ecp5", "ecp5")
    true, start = Paths(start=3.0, level=1.2, control=7.0, wire=0.02), {kind: PATHS[kind]}

    def path(levels, luts, of):
        return max(of.start + of.level * levels, of.control) + of.wire * luts**0.5

    sizes = [(levels, luts) for levels in (1, 2, 3, 4, 6) for luts in (1500, 4000, 12_000, 20_000)]
    measured = [clock.Measured(kind=kind, levels=n, luts=luts, path=path(n, luts, true)) for n, luts in sizes]
    found = clock.refit(measured, start)[kind]

    def worst(of):
        return max(abs(path(m.levels, m.luts, of) / m.path - 1) for m in measured)

    assert worst(start[kind]) > 0.1 and worst(found) < 0.04


def test_paths_never_fit_worse_than_those_there_were():
    """Levels, LUTs and nanoseconds of five routed designs; of three levels, either kind of path can be the longest."""
    kind = ("ice40", "generic")
    start = Paths(start=6.12, level=0.841, control=8.01, wire=0.0731)
    designs = [(5, 1985, 12.68), (3, 2045, 11.05), (5, 1988, 13.12), (3, 1821, 11.41), (4, 3736, 16.6)]
    measured = [clock.Measured(kind=kind, levels=n, luts=luts, path=path) for n, luts, path in designs]

    def error(of):
        return sum((of.longest(m.levels, m.luts) / m.path - 1) ** 2 for m in measured)

    assert error(clock.refit(measured, {kind: start})[kind]) < error(start)
    assert clock.refit([], {kind: start}) == {kind: start}


def test_bitstreams_and_what_was_not_built(monkeypatch, tmp_path, capsys):
    """A point is told with its plan's cycles at the clock that was reached, what does not fit with the planner's
    sentence, what was not placed with nextpnr's; and all of it is in both files."""
    made = fpga.flow.Bitstream(
        board="ulx3s_85f", bitstream=tmp_path / "top.bit", digest="", luts=40_000, rams=139, sprams=0, dsps=0,
        fmax_mhz=75.0, clock_mhz=25.0, seed=2, seeds={"1": None, "2": 75.0}, seconds=1.0, steps={}, tools={},
        cached=False,
    )  # fmt: skip

    def build(top, board, *, name, folder, seeds, jobs, limit):
        if name == "cnn_mnist_w1a1":
            raise BuildError("nextpnr failed")
        assert (folder, seeds, jobs, limit) == (tmp_path, [1, 2], 1, 60)
        return made

    monkeypatch.setattr(fpga.flow, "build", build)
    points = (
        fpga.Point(model="cnv_w1a1", board="ulx3s_85f", shape=(64, 64, 4)),
        fpga.Point(model="lfc_w1a1", board="icebreaker"),
        fpga.Point(model="cnn_mnist_w1a1", board="icebreaker"),
    )
    monkeypatch.setattr(fpga, "POINTS", points)
    assert fpga.main(["--seeds", "2", "--jobs", "1", "--limit-seconds", "60", "--output", str(tmp_path)]) == 0
    cnv, lfc, cnn = json.loads((tmp_path / "bench" / "fpga.json").read_text())["points"]
    planned_cnv = planned("cnv_w1a1", 64, 64, 4)
    assert cnv["fps"] == 75e6 / planned_cnv.interval and cnv["latency_us"] == planned_cnv.latency / 75
    assert "lfc_w1a1 does not fit on icebreaker" in lfc["reason"] and cnn["reason"] == "nextpnr failed"
    text = (tmp_path / "bench" / "fpga.md").read_text()
    assert text in capsys.readouterr().out
    for name in ("fpga_rooflines.png", "fpga_throughput.png"):
        assert (tmp_path / "bench" / name).read_bytes().startswith(b"\x89PNG")
    assert "| 64 x 64 x 4 |" in text and "FINN, ZC706" in text and "lfc_w1a1 on icebreaker: lfc_w1a1 does not" in text
    monkeypatch.setattr(fpga, "measure", Mock(side_effect=KeyboardInterrupt))
    assert fpga.main(["--output", str(tmp_path)]) == 130 and "goes on from there" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        fpga.main(["--only", "nothing"])
    assert stopped.value.code == 2


def test_the_table_of_boards(monkeypatch, tmp_path, capsys):
    """Each board's bitstream is that of `hwgen build`, and one that holds no model says why."""
    made = fpga.flow.Bitstream(
        board="fomu", bitstream=tmp_path / "top.bin", digest="", luts=2246, rams=27, sprams=0, dsps=0,
        fmax_mhz=34.58, clock_mhz=24.0, seed=1, seeds={"1": 34.58}, seconds=1.0, steps={}, tools={}, cached=False,
    )  # fmt: skip

    written = Project(
        board="de10_lite", toolchain="Quartus", folder=tmp_path, files={}, command="", product="top.sof", luts=1879,
        rams=41, clock_mhz=50.0, seconds=1.0, tools={}, cached=False,
    )  # fmt: skip

    def build(top, board, *, name, folder):
        assert (name, folder) == ("tfc_w1a1", tmp_path) and board.name in ("fomu", "icebreaker", "icestick")
        return made

    def project(top, board, *, name, folder):
        assert (name, folder, board.name) == ("tfc_w1a1", tmp_path, "de10_lite")
        return written

    monkeypatch.setattr(fpga.flow, "build", build)
    monkeypatch.setattr(bench_boards, "project", project)
    networks = [models.load(name).network for name in ("lenet_w1a1", "tfc_w1a1")]
    monkeypatch.setattr(bench_boards, "zoo", lambda: networks)
    monkeypatch.setattr(boards, "names", lambda: ("de10_lite", "fomu", "icebreaker", "icestick"))
    assert bench_boards.main(["--output", str(tmp_path)]) == 0
    heading, _, lite, fomu, icebreaker, icestick, blank, note = capsys.readouterr().out.splitlines()
    assert fomu == (
        "| fomu | iCE40UP5K, UWG30 | RX E4, TX D5 | bitstream | 2,246 of 5,280 | 27 of 30 | 34.58 | tfc_w1a1 |"
    )
    assert lite == (
        "| de10_lite | 10M50DA, F484 | the board's | Quartus project | 1,879 of 49,760 | 41 of 182 |  | lenet_w1a1 |"
    )
    assert "| icebreaker | iCE40UP5K, SG48 | the board's | bitstream |" in icebreaker
    assert "| no bitstream of tfc_w1a1 | - of 1,280 | - of 16 |  | none |" in icestick
    assert heading.count("|") == icestick.count("|") and blank == ""
    assert note.startswith("icestick: tfc_w1a1 does not fit on icestick: ")
    with pytest.raises(SystemExit) as stopped:
        bench_boards.main(["--only", "nothing"])
    assert stopped.value.code == 2


def test_the_largest_model():
    networks = bench_boards.zoo()
    assert [network.name for network in networks][1:4] == ["lfc_w1a1", "cnv_w1a2", "cnv_w1a1"]
    bits = [network.weight_bits for network in networks]
    assert bits == sorted(bits, reverse=True)
