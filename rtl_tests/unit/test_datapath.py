"""Plans of random networks, run in plain Python from the memories' contents, give what the golden model gives."""

from dataclasses import replace

import numpy as np
import pytest

from hwgen import golden
from hwgen.errors import InputError
from hwgen.integers import BIPOLAR, signed, unsigned
from hwgen.layers import Flatten, SumPool, Threshold
from hwgen.network import Network
from hwgen.plan.plan import Plan
from rtl_tests.helpers.model import Datapath
from rtl_tests.helpers.networks import Chain, images_for, random_network, random_shape
from rtl_tests.helpers.plans import plan_for
from rtl_tests.helpers.zoo import CASES

MOST_STEPS = 6000


def mismatches(plan: Plan, image: np.ndarray, network: Network, place: int = 0) -> list[str]:
    """Names of the stages whose output is not the golden model's."""
    outputs = Datapath(plan).run(image, place)
    expected = golden.run(network, image[None])
    wrong = []
    for planned, seen in zip(plan.stages, outputs, strict=True):
        stage = planned.compiled.stage
        layer = expected.logits[0] if stage.final else expected.outputs[stage.layer][0]
        if (seen != layer.reshape(seen.shape)).any():
            wrong.append(planned.name)
    return wrong


@pytest.mark.parametrize("block", range(4))
def test_random_networks(block):
    compared = refused = large = 0
    for seed in range(5000 + 30 * block, 5030 + 30 * block):
        rng = np.random.default_rng(seed)
        network, shape = random_network(seed), random_shape(rng)
        try:
            plan = plan_for(network, shape.p, shape.s, shape.q)
        except InputError:
            refused += 1
            continue
        if plan.cycles > MOST_STEPS:
            large += 1
            continue
        assert mismatches(plan, images_for(rng, network, 1)[0], network, seed % 2) == [], f"seed {seed}, {shape}"
        compared += 1
    assert compared + refused + large == 30
    assert compared >= 20


@pytest.mark.parametrize("size, window, stride, border", [(8, 3, 3, 0), (6, 3, 3, -1), (6, 2, 3, 0), (6, 3, 2, 0)])
def test_sum_pool_before_a_border(size, window, stride, border):
    """A sum outside the pooled map is `border`, not a sum of borders, nor of pixels that no window covers."""
    rng = np.random.default_rng(size)
    chain = Chain(rng, (2, size, size), unsigned(8)).lookup(BIPOLAR, 1)
    chain.add(SumPool(window=(window, window), stride=(stride, stride)))
    chain.convolution(5, (2, 2), padding=(1, 1, 1, 1), border=border).threshold(signed(3))
    network = chain.add(Flatten(order="CHW")).dense(3).network("sums")
    assert mismatches(plan_for(network, 2, 4, 2), images_for(rng, network, 1)[0], network) == []


def case(name):
    """(plan, image, network) of one of the table's cases."""
    chosen = next(case for case in CASES if case.name == name)
    network = chosen.network()
    return chosen.plan(), images_for(np.random.default_rng(1), network, 1)[0], network


def altered(plan: Plan, **contents) -> Plan:
    """The plan with other contents of its memories."""
    changed = replace(plan)
    vars(changed).update(contents)
    return changed


def test_a_wrong_weight_shows():
    plan, image, network = case("identities")
    assert mismatches(plan, image, network) == []
    first, *others = plan.weights
    wrong = [mismatches(altered(plan, weights=[first ^ 1 << bit, *others]), image, network) for bit in range(6)]
    assert [names[:1] for names in wrong] == [[plan.stages[0].name]] * 6


def test_a_threshold_that_is_one_off_shows():
    plan, image, network = case("identities")
    index = next(i for i, layer in enumerate(network.layers) if isinstance(layer, Threshold))
    values = golden.run(network, image[None]).outputs[index - 1][0, 0]

    def with_threshold(value):  # of the first channel: at the largest value that occurs, or just above
        layer = network.layers[index]
        rows = layer.thresholds.copy()
        rows[0] = value
        layers = (*network.layers[:index], replace(layer, thresholds=rows), *network.layers[index + 1 :])
        return replace(network, layers=layers)

    right, wrong = with_threshold(values.max()), with_threshold(values.max() + 1)
    shape = (plan.shape.p, plan.shape.s, plan.shape.q)
    assert mismatches(plan_for(right, *shape), image, right) == []
    assert mismatches(plan_for(wrong, *shape), image, right)[0] == plan.stages[0].name


def test_swapped_taps_show():
    plan, image, network = case("sums")
    assert mismatches(plan, image, network) == []
    tables = [list(table) for table in plan.tap_tables]
    tables[1][0], tables[1][-1] = tables[1][-1], tables[1][0]
    assert mismatches(altered(plan, tap_tables=tables), image, network)[0] == plan.stages[1].name
