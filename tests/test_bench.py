"""The benchmark's rows and pictures: what they measure is what there is."""

import contextlib

import pytest

from hwgen import bench
from hwgen.bench import pictures
from hwgen.bench.utilisation import planned


def step(title):
    return contextlib.nullcontext()


def test_rows_bear_the_names_that_they_are_chosen_by():
    rows = bench.measure("utilisation", step)
    assert [row.what for row in rows] == [name for name in bench.ROWS if "utilisation" in name]
    assert len(rows) == 4 and all(row.reached for row in rows)


def test_utilisation_is_that_of_the_plan():
    plan = planned("cnv_w1a1", 64, 64, 1)
    (row,) = bench.measure("cnv_w1a1 on 64 x 64 x 1", step)
    assert row.ours == plan.macs / (64 * 64 * plan.interval)
    assert sum(row.details["cycles_per_layer"]) == plan.cycles


def test_luts_per_mac(monkeypatch):
    monkeypatch.setattr(bench.array, "synthesise", lambda unit, family: bench.counts.Counts(luts=2048, rams=0))
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
