"""Whole accelerators of odd shapes in Verilator: every layer equals the golden model's, every cycle the plan's.

Each run has two different frames back to back, a frame twice, stalls on both streams and a reset in mid-frame
(`hwgen.sim.verify.script_for`).
"""

from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import InputError
from hwgen.plan.plan import Plan
from hwgen.plan.style import Style
from hwgen.sim.verify import verify
from rtl_tests.helpers.networks import images_for, random_network, random_shape
from rtl_tests.helpers.plans import plan_for
from rtl_tests.helpers.zoo import CASES

FOLDER = Path("build/rtl_tests")
FRAMES = 3  # without stalls; `script_for` adds six


def check(plan: Plan, seed: int, every_cell: bool = True):
    images = images_for(np.random.default_rng(seed), plan.network, FRAMES)
    report = verify(plan, images, seed=seed, every_cell=every_cell, folder=FOLDER)
    print(f"seed {seed}: {report}")
    assert report.mismatches == 0
    assert report.cycle_mismatches == 0
    assert report.frames == FRAMES + 6
    assert [stage.cycles for stage in report.stages] == [(cycles,) for cycles in plan.cycles_per_stage]
    sizes = [np.prod(p.compiled.stage.output_shape) for p in plan.stages[:-1]] + [plan.logits.count + 1]
    assert [stage.values for stage in report.stages] == [size * report.frames for size in sizes]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_network(case):
    check(case.plan(), seed=len(case.name))


@pytest.mark.parametrize(
    "name, cells, stages, array",
    [
        ("two planes", "ecp5", 2, None),
        ("points", "ecp5", 2, None),  # two copies of the control
        pytest.param("dense only", "ecp5", 2, (32, 64, 1), marks=pytest.mark.slow),  # two weight memories
        ("two planes", "ice40", 1, None),
        ("points", "ice40", 2, None),  # S is no power of two
        ("two planes", "gowin", 1, None),
        pytest.param("ramps", "ecp5", 2, None, marks=pytest.mark.slow),
        pytest.param("strides", "ecp5", 1, None, marks=pytest.mark.slow),
    ],
)
def test_carry_cells(name, cells, stages, array):
    """The families' own cells and deeper pipelines: the same values, and cycles as planned for them."""
    case = next(case for case in CASES if case.name == name)
    plan = plan_for(case.network(), *(array or case.array), style=Style(cells=cells, stages=stages))
    assert plan.array_latency == stages + (9 if cells == "ecp5" else 1)
    check(plan, seed=stages)


@pytest.mark.parametrize("name, cells", [("two planes", "ecp5"), ("ramps", "ice40"), ("packed rgb", "generic")])
def test_models_of_processing_elements(name, cells):
    """What `hwgen verify` simulates: the same values, the same cycles."""
    case = next(case for case in CASES if case.name == name)
    check(case.plan(style=Style(cells=cells, stages=2)), seed=1, every_cell=False)


def test_table_covers():
    """What the table above is for: should a change of the planner avoid a feature, this fails and not the coverage."""
    plans = [case.plan() for case in CASES]
    stages = [(plan, planned.compiled) for plan in plans for planned in plan.stages]
    assert len(plans) == 19
    assert len(stages) == 56
    assert {compiled.mode for _, compiled in stages} == {"sign", "search", "ramp", "logits"}
    assert {compiled.packed for _, compiled in stages} == {compiled.doubled for _, compiled in stages} == {False, True}
    assert {plan.shape.q for plan in plans} == {1, 2, 3, 4, 6}
    assert {np.sign(plan.shape.p - plan.shape.s) for plan in plans} == {-1, 0, 1}
    assert {str(compiled.border) for _, compiled in stages} >= {"None", "mask", "0", "1"}
    kernels = {layer.kernel for plan in plans for layer in plan.network.layers if hasattr(layer, "kernel")}
    assert kernels >= {(1, 1), (3, 3), (5, 5), (7, 7), (1, 3), (3, 1), (2, 2)}
    strides = {n for plan in plans for layer in plan.network.layers if hasattr(layer, "kernel") for n in layer.stride}
    assert strides == {1, 2, 3}
    types = {str(c.stage.output_type) for _, c in stages if c.stage.output_type}
    assert types >= {"B1", "U1", "U2", "U3", "U5", "U6", "U8", "S2", "S3", "S4", "S5", "S8"}
    assert any(1 < compiled.span < plan.shape.q for plan, compiled in stages)  # a group spans rows
    assert any(compiled.span > plan.shape.q and compiled.span % plan.shape.q for plan, compiled in stages)
    assert any(compiled.rows * compiled.span % plan.shape.q for plan, compiled in stages)  # lanes beyond the map
    assert {compiled.left for _, compiled in stages} == {0, 8, 16}
    assert {len(turn) for _, compiled in stages if compiled.apart for turn in compiled.turns} == {1, 2}
    assert {compiled.apart for _, compiled in stages} == {0, 1, 2}
    assert any(compiled.array_words > 1 for _, compiled in stages if compiled.packed)
    assert any(compiled.stage.minimum.any() and compiled.mode == "search" for _, compiled in stages)
    assert {plan.logits.shift for plan in plans} >= {0, 1}
    assert {plan.logits.multiplier is None for plan in plans} == {True, False}
    assert any(plan.pixel_codes.shape[0] > 1 for plan in plans)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1060))
def test_random_network(seed):
    network, shape = random_network(seed), random_shape(np.random.default_rng(seed))
    try:
        plan = plan_for(network, shape.p, shape.s, shape.q)
    except InputError as error:
        pytest.skip(f"seed {seed}: refused, as it should be: {error}")
    check(plan, seed)
