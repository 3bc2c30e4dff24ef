"""Every order of batch norm, pool and activation, with every kind of border and of activation."""

import itertools

import pytest

from .graphs import GraphBuilder, compare

ACTIVATIONS = {
    "bipolar": lambda g: g.bipolar(),
    "relu2": lambda g: g.relu().quant(2, 0.5),
    "signed3": lambda g: g.quant(3, 0.375, signed=1, narrow=1),
    "threshold3": lambda g: g.node(
        "MultiThreshold", g.random.normal(0, 1, (g.channels, 3)).astype("float32"), out_dtype="UINT2"
    ),
}
ORDERS = ["norm pool act", "pool norm act", "norm act pool"]
BORDERS = ["none", "zero", "-1", "+1"]
CASES = list(itertools.product(ORDERS, ["max", "average"], sorted(ACTIVATIONS), BORDERS))


def block(graph, order, pool, activation, scale):
    for part in order.split():
        if part == "norm":
            graph.batch_norm(scale)
        elif part == "pool":
            graph.max_pool() if pool == "max" else graph.average_pool()
        else:
            ACTIVATIONS[activation](graph)
    return graph


@pytest.mark.parametrize("order, pool, activation, border", CASES)
def test_order(order, pool, activation, border):
    unit = {"bipolar": 1.0, "relu2": 0.5, "signed3": 0.375, "threshold3": 1.0}[activation]
    if pool == "average" and order == "norm act pool":
        unit /= 4  # the average of four integers is a quarter of an integer

    def build(batch):
        graph = GraphBuilder((3, 10, 10), batch=batch, seed=CASES.index((order, pool, activation, border)))
        graph.node("Mul", graph.constant(2.0)).node("Sub", graph.constant(1.0)).bipolar()
        graph.conv(6, 3)
        block(graph, order, pool, activation, 1.0)
        pads = 1 if border == "zero" else 0
        if border in ("-1", "+1"):
            graph.node(
                "Pad", graph.constant([0, 0, 1, 1] * 2, "int64"), graph.constant(unit * float(border)), mode="constant"
            )
        graph.conv(5, 3, pads=pads)
        block(graph, order, "max", activation, unit if pool == "max" else 2 * unit)
        size = 2 if border != "none" else 1
        return graph.flat().dense(5 * size * size, 4)

    network, _, compared = compare(build, (3, 10, 10), seed=1)
    assert compared == 3
    assert network.logits.shape == (4, 1, 1)


def test_number_of_orders():
    assert len(CASES) == 96
