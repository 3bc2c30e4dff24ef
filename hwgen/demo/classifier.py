"""An image through a board, through the simulated core with all its layers, and through the golden model."""

import base64
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from .. import golden, outputs
from ..flow import verilog
from ..hdl.accelerator import Accelerator
from ..host.device import Device, Result
from ..plan.plan import Plan
from ..sim import verilator
from ..sim.cells import with_cells
from ..sim.elements import check_model
from ..sim.trace import Trace, harness_defines, read_trace
from ..sim.verify import Progress

__all__ = ["Classifier"]


class Classifier:
    """Classifies images three times, and says where the three agree.

    The board tells logits, class and cycles; what its layers give stays inside it. So the same hardware is simulated
    beside it, its streams driven directly, and every layer's output recorded.

    Parameters
    ----------
    device : a board that holds the bitstream of `plan`
    folder : where the simulation is built, or found

    Raises
    ------
    BuildError : the simulation could not be built, or the board holds another model
    """

    def __init__(
        self,
        device: Device,
        plan: Plan,
        folder: Path,
        *,
        progress: Progress = lambda step: nullcontext(),
        status: Callable[[], dict] = dict,
    ):
        self.device, self.plan, self.folder, self.status = device, plan, folder, status
        self._lock = threading.Lock()
        device.check_model(plan.network.digest)
        with progress("holding a processing element against its model"):
            check_model(plan, folder)
        with progress("building the simulation of the core"):
            text = with_cells(verilog.emit(Accelerator(plan), verilator.TOP, models=True))
            self._simulation = verilator.build(text, harness_defines(plan), folder)

    def classify(self, samples: bytes) -> dict:
        """What the page shows of an image, for JSON.

        Parameters
        ----------
        samples : of the image, row after row, of a pixel channel after channel

        Raises
        ------
        InputError : they are not as many as the network takes, or too large
        BuildError : the board or the simulation failed
        """
        channels, height, width = self.plan.lowered.image_shape
        image = np.frombuffer(samples, np.uint8)
        if image.size == channels * height * width:
            image = image.reshape(1, height, width, channels)
        expected = golden.run(self.plan.network, image)
        with self._lock:
            begun = time.monotonic()
            result = self.device.classify(image[0])
            seconds = time.monotonic() - begun
            trace = self._trace(image)
        layers = self._layers(result, trace, expected)
        names = self.plan.network.classes
        return {
            "class": result.index,
            "label": names[result.index] if names else str(result.index),
            "logits": result.logits,
            "golden": {"class": int(expected.classes[0]), "logits": expected.logits[0].tolist()},
            "equal": result.index == expected.classes[0] and result.logits == expected.logits[0].tolist(),
            "layers": layers,
            "seconds": round(seconds, 4),
            "status": self.status(),
        }

    def _trace(self, image: np.ndarray) -> Trace:
        with outputs.scratch(self.folder) as work:
            self._simulation.run(image, [verilator.Run(first=0, count=1)], work)
            return read_trace(self.plan, work)

    def _layers(self, result: Result, trace: Trace, expected: golden.Result) -> list[dict]:
        """Of each layer: its cycles on the board and planned, and its output, simulated and by the golden model."""
        layers, start = [], 0
        for index, planned in enumerate(self.plan.stages):
            stage = planned.compiled.stage
            if stage.final:
                seen, right = trace.logits[:1].reshape(-1, 1, 1), expected.logits[0].reshape(-1, 1, 1)
            else:
                seen = trace.values[index][0]
                right = expected.outputs[stage.layer][0].reshape(seen.shape).astype(np.int64)
            low, high = int(min(seen.min(), right.min())), int(max(seen.max(), right.max()))
            layers.append(
                {
                    "name": planned.name,
                    "shape": list(seen.shape),
                    "cycles": result.cycles[index],
                    "planned": planned.timing.cycles,
                    "start": start,
                    "low": low,
                    "high": high,
                    "simulated": _grey(seen, low, high),
                    "golden": _grey(right, low, high),
                    "equal": bool((seen == right).all()),
                }
            )
            start += planned.timing.cycles
        return layers


def _grey(values: np.ndarray, low: int, high: int) -> str:
    """Values as grey levels, a byte each, in base 64."""
    return base64.b64encode(((values - low) * 255 // max(1, high - low)).astype(np.uint8).tobytes()).decode()
