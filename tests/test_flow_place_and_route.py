"""When a router is given up: not while it still gets further, nor before it has had its rounds."""

import json

import pytest

from hwgen.errors import BuildError, StuckError
from hwgen.flow import toolchain
from hwgen.flow.place_and_route import PATIENCE, SPARE, TIMING, hopeless, place_and_route


def log(shared):
    lines = [f"Info:     iter={i} wires=21750 overused={n} overuse={n} archfail=NA" for i, n in enumerate(shared, 1)]
    return "\n".join(["Info: Running main router loop...", *lines]).encode()


FALLING = list(range(900, 2, -1))
PATIENT = [*FALLING, *[3] * (PATIENCE - 1)]
WORDS = "it got no further in its last 60 rounds (3 wires are shared); take another --seed"


def test_hopeless():
    assert hopeless(b"") is None and hopeless(log(FALLING)) is None
    assert hopeless(log(PATIENT)) is None and hopeless(log([*PATIENT, 2])) is None
    assert hopeless(log([*PATIENT, 3])) == WORDS and hopeless(log([*PATIENT, 5, 3])) == WORDS


def test_a_router_that_gets_no_further_is_given_up(tmp_path, monkeypatch):
    def run_each(tool, runs, *, hopeless, **options):
        said = [hopeless(log([*PATIENT, 3])), hopeless(log(PATIENT))]
        assert [text is None for text in said] == [False, True]
        return [BuildError(f"{tool} was ended: {said[0]}") for _ in runs]

    monkeypatch.setattr(toolchain, "run_each", run_each)
    with pytest.raises(BuildError, match="nextpnr-ice40 was ended: it got no further"):
        place_and_route("nextpnr-ice40", ["--asc", "top.asc"], [1, 2], work=tmp_path, logs=tmp_path)


@pytest.mark.parametrize(
    "good, stuck, asked",
    [({2}, {1}, [1, 2]), ({3}, {1, 2}, [1, 2, 3]), ({4}, {1, 2, 3}, [1, 2, 3, 4]), ({5}, {1, 2, 3, 4}, None)]
    + [({3}, {1}, None)],
)
def test_more_seeds_are_tried_only_where_the_router_is_stuck_with_all(good, stuck, asked, tmp_path, monkeypatch):
    def run_each(tool, runs, **options):
        failures = []
        for arguments, _ in runs:
            seed = int(arguments[1])
            failures.append(None if seed in good else (StuckError if seed in stuck else BuildError)(f"seed {seed}"))
            if seed in good:
                (tmp_path / f"{seed}_top.asc").write_text(str(seed))
                (tmp_path / f"{seed}_{TIMING}").write_text(json.dumps({"fmax": {"clk": {"achieved": 10.0 * seed}}}))
        return failures

    monkeypatch.setattr(toolchain, "run_each", run_each)

    def run():
        return place_and_route("nextpnr-ice40", ["--asc", "top.asc"], [1, 2], work=tmp_path, logs=tmp_path)

    if asked is None:
        with pytest.raises(BuildError, match="seed 1"):
            run()
        return
    assert len(asked) <= 2 + SPARE
    assert run() == {seed: 10.0 * seed if seed in good else None for seed in asked}
    assert (tmp_path / "top.asc").read_text() == str(*good)
