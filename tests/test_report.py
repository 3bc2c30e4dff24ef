import contextlib
import json

import pytest

from hwgen import bench
from hwgen.bench.row import Row
from hwgen.errors import InputError
from hwgen.report.table import Table


def test_a_table_as_text_and_as_markdown():
    rows = [["a|b", 1234567, 0.5, None], ["\x1b[31m", 2, 1e-9, True]]
    table = Table(columns=["name", "n", "x", "ok"], rows=rows, notes=["", "note"])
    assert table.text().splitlines() == [
        "name           n      x  ok",
        "a|b    1,234,567    0.5",
        "?[31m          2  1e-09  yes",
        "",
        "note",
    ]
    assert table.markdown().splitlines()[:4] == [
        "| name | n | x | ok |",
        "| --- | ---: | ---: | --- |",
        "| a\\|b | 1,234,567 | 0.5 |  |",
        "| ?[31m | 2 | 1e-09 | yes |",
    ]
    assert Table(columns=["a"], rows=[]).text() == "a"
    with pytest.raises(ValueError, match="a row has 1 values, not 2"):
        Table(columns=["a"], rows=[[1, 2]])


def row(**changes):
    values = {
        "what": "speed",
        "ours": 2.0,
        "unit": "s",
        "peer": "them",
        "theirs": 3.0,
        "goal": 2.5,
        "more_is_better": False,
        "method": "by the clock",
    }
    return Row(**{**values, **changes})


def test_whether_a_goal_is_reached():
    cases = [
        (row(), True),
        (row(ours=2.5), True),
        (row(ours=2.6), False),
        (row(more_is_better=True), False),
        (row(more_is_better=True, ours=2.5), True),
        (row(ours=None), None),
        (row(goal=None), None),
    ]
    assert [case.reached for case, _ in cases] == [expected for _, expected in cases]
    assert len(cases) == 7


def test_rows_are_chosen_by_name_and_written(tmp_path, monkeypatch):
    steps = []

    def step(title):
        steps.append(title)
        return contextlib.nullcontext()

    monkeypatch.setattr(bench, "ROWS", {"speed": row, "size": lambda: row(what="size", details={"more": [1]})})
    assert [r.what for r in bench.measure("", step)] == ["speed", "size"]
    rows = bench.measure("size", step)
    assert [r.what for r in rows] == ["size"]
    assert steps == ["measuring speed", "measuring size", "measuring size"]
    with pytest.raises(InputError, match="no row of the benchmark holds 'x y'; there are: speed; size"):
        bench.measure("x y", step)
    json_path, markdown_path = bench.write(rows, tmp_path / "deep" / "bench")
    found = json.loads(json_path.read_text())
    assert found["rows"] == [
        {**{k: getattr(rows[0], k) for k in row().__dataclass_fields__}, "reached": True},
    ]
    assert found["machine"]["cores"] >= 1
    assert "| size | 2 | s | them | 3 | 2.5 | yes |" in markdown_path.read_text()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        bench.write(rows, tmp_path / "file")


def test_the_golden_row_compares_the_same_network(monkeypatch):
    from hwgen.bench import golden as golden_bench

    monkeypatch.setattr(golden_bench, "BATCH", 3)
    monkeypatch.setattr(golden_bench, "TURNS", 2)
    found = golden_bench.golden_row()
    assert found.ours is not None and found.ours > 0 and len(found.details["seconds"]["ours"]) == 2
    torch = pytest.importorskip("torch")
    assert found.theirs and found.details["ratio"] == found.theirs / found.ours
    monkeypatch.setattr(torch, "ge", torch.gt)
    monkeypatch.setattr(torch.nn.functional, "conv2d", lambda x, w: torch.zeros(x.shape[0], w.shape[0], 30, 30))
    with pytest.raises(RuntimeError):
        golden_bench.golden_row()


def test_the_golden_row_without_torch(monkeypatch):
    from hwgen.bench import golden as golden_bench

    monkeypatch.setattr(golden_bench, "BATCH", 2)
    monkeypatch.setattr(golden_bench, "TURNS", 1)
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    found = golden_bench.golden_row()
    assert found.theirs is None and found.reached is None and "torch is not installed" in found.method
    assert found.ours is not None


@pytest.mark.parametrize(("text", "most"), [("1", 1), ("0", 0), ("many", 0), ("", 0)])
def test_threads_follow_the_environment(monkeypatch, text, most):
    from hwgen.bench.golden import threads_of_numpy

    for variable in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    usable = threads_of_numpy()
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert threads_of_numpy() == (most or usable) >= 1
