"""When a router is given up: not while it still gets further, nor before it has had its rounds."""

from hwgen.flow import place_and_route as routing


def log(shared):
    lines = [f"Info:     iter={i} wires=21750 overused={n} overuse={n} archfail=NA" for i, n in enumerate(shared, 1)]
    return "\n".join(["Info: Running main router loop...", *lines]).encode()


def test_hopeless():
    falling = list(range(900, 2, -1))
    assert routing.hopeless(b"") is None and routing.hopeless(log(falling)) is None
    patient = [*falling, *[3] * (routing.PATIENCE - 1)]
    assert routing.hopeless(log(patient)) is None
    assert routing.hopeless(log([*patient, 2])) is None
    words = "it shared no fewer than 3 wires in its last 200 rounds; take other --seeds"
    assert routing.hopeless(log([*patient, 3])) == words
    assert routing.hopeless(log([*patient, 5, 3])) == words
