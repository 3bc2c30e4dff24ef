"""The loader: images into the two places of activation memory, with pauses, a busy port and both places full."""

import numpy as np
import pytest

from hwgen.hdl.loader import Loader
from rtl_tests.helpers.model import image_words
from rtl_tests.helpers.networks import images_for
from rtl_tests.helpers.sim import random_gaps, simulate, stream_put
from rtl_tests.helpers.zoo import CASES

IMAGES = 3
QUEUE = 2
"""Samples that wait in front of the loader."""


@pytest.mark.parametrize("busy, pauses", [(0.0, 0.0), (0.4, 0.2)])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_images(case, busy, pauses):
    plan = case.plan()
    rng = np.random.default_rng(7)
    images = images_for(rng, plan.network, IMAGES)
    unit = Loader(plan)
    writes, loaded = [{}], []
    samples = images[0].size
    room = 0  # images for which a place has become free

    async def feed(ctx):
        await stream_put(ctx, unit.image, [int(v) for v in images.reshape(-1)], random_gaps(rng, pauses, 4))

    async def watch(ctx):
        nonlocal room
        taken = 0
        while len(loaded) < IMAGES:
            ctx.set(unit.busy, int(rng.random() < busy))
            read = len(loaded) - room >= 2 and rng.random() < 0.02
            ctx.set(unit.read, int(read))
            _, _, write, bank, address, data, done, ready, valid = await ctx.tick().sample(
                unit.write, unit.bank, unit.address, unit.data, unit.loaded, unit.image.ready, unit.image.valid
            )
            if done:
                loaded.append(taken)
                writes.append({})
            if write:
                assert (bank, address) not in writes[-1]
                writes[-1][bank, address] = data
            taken += ready and valid
            room += read
            assert taken <= (2 + room) * samples + QUEUE, "an image came in while both places were taken"

    simulate(unit, feed, watch, limit=20000)
    assert len(writes) == IMAGES + 1 and not writes[-1]
    assert room == IMAGES - 2
    for i, image in enumerate(images):
        assert writes[i] == image_words(plan, image, i % 2), f"image {i}"
