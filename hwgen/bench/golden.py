"""The golden model against the same network in torch float32, on this machine with the same number of threads.

Both evaluate CNV on the same 100 images, the golden model keeping every layer. Each is called once to warm up; then
they take turns, so that a busy moment of the machine hits both, and the medians are compared.
"""

import os
import statistics
import time

import numpy as np

from .. import golden, random_networks
from ..layers import Convolution, Dense, Flatten, MaxPool, Threshold
from .row import Row

BATCH = 100
TURNS = 11


def golden_row() -> Row:
    """Seconds of the golden model and of torch for `BATCH` images. Without torch it says so."""
    network = random_networks.cnv()
    images = np.random.default_rng(0).integers(0, 256, size=(BATCH, 32, 32, 3), dtype=np.uint8)
    seconds = {"ours": [], "torch": []}
    calls = {"ours": lambda: golden.run(network, images).logits}
    threads = threads_of_numpy()
    try:
        import torch
    except ImportError:
        method = "torch is not installed (pip install 'hwgen[train]'), so there is nothing to compare with"
    else:
        torch.set_num_threads(threads)
        calls["torch"] = torch_network(network, images)
        if not (calls["torch"]() == calls["ours"]()).all():
            raise RuntimeError("torch and the golden model disagree, so their times mean nothing")
        method = f"median of {TURNS} runs of each in turn, {threads} threads, every layer kept by ours; ratio "
    for call in calls.values():
        call()
    for _ in range(TURNS):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    ours = statistics.median(seconds["ours"])
    theirs = statistics.median(seconds["torch"]) if "torch" in calls else None
    if theirs:
        method += f"{theirs / ours:.2f}"
    return Row(
        what=f"golden model, CNV, batch {BATCH}",
        ours=ours,
        unit="s",
        peer="torch float32",
        theirs=theirs,
        goal=theirs,
        more_is_better=False,
        method=method,
        details={"ratio": theirs / ours if theirs else None, "threads": threads, "seconds": seconds},
    )


def threads_of_numpy() -> int:
    """How many threads NumPy's OpenBLAS takes: what its environment variables say, else one per usable core."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for variable in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(variable, "")
        if text.isdecimal() and int(text):
            return min(int(text), usable)
    return usable


def torch_network(network, images):
    """A function that gives the logits of a network of `hwgen.random_networks` by torch in float32, int64 (N, classes).

    What is constant is converted beforehand; the call itself starts from the raw pixels.
    """
    import torch
    from torch.nn import functional

    steps = []
    for layer in network.layers[:-1]:
        match layer:
            case Convolution():
                weights = torch.tensor(layer.weights, dtype=torch.float32)
                steps.append(lambda x, w=weights: functional.conv2d(x, w))
            case Dense():
                weights = torch.tensor(layer.weights, dtype=torch.float32)
                steps.append(lambda x, w=weights: functional.linear(x, w))
            case Threshold():
                levels = torch.tensor(layer.thresholds[:, 0], dtype=torch.float32)
                steps.append(lambda x, t=levels: sign(x, t.reshape(1, -1, *[1] * (x.ndim - 2))))
            case MaxPool():
                steps.append(lambda x, k=layer.window, s=layer.stride: functional.max_pool2d(x, k, s))
            case Flatten():
                steps.append(lambda x: x.flatten(1))

    def sign(x, threshold):
        # -1 or +1 in cheap passes, in place; torch.where would make masks and constants of the same size.
        return torch.ge(x, threshold).float().mul_(2).sub_(1)

    def call():
        with torch.inference_mode():
            x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
            for step in steps:
                x = step(x)
            return x.numpy().astype(np.int64)

    return call
