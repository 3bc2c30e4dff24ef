"""Windows that slide over rows and columns: kernel, stride and padding as ONNX writes them."""

from ...errors import InputError
from .reader import Node
from .walk import Walk


def pads_of(walk: Walk, node: Node, kernel, stride, size) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of `pads` or `auto_pad`."""
    pads = [int(v) for v in node.attributes.get("pads", [0, 0, 0, 0])]
    auto = str(node.attributes.get("auto_pad", "NOTSET"))
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)]
        less = [t // 2 for t in totals]
        more = [t - v for t, v in zip(totals, less, strict=True)]
        pads = less + more if auto == "SAME_UPPER" else more + less
    elif auto == "VALID":
        pads = [0, 0, 0, 0]
    if len(pads) != 4 or min(pads) < 0:
        raise InputError(f"{node}: its pads are {pads}, not four numbers of 0 or more; crop the image beforehand")
    return pads[0], pads[1], pads[2], pads[3]


def pair_of(node: Node, key: str, default=None) -> tuple[int, int]:
    value = node.attributes.get(key, default)
    if isinstance(value, int):
        value = [value, value]
    if not value or len(value) != 2 or any(not isinstance(v, int) or v < 1 for v in value):
        raise InputError(
            f"{node}: its {key} is {value}, not two positive numbers; only images (two axes) are supported"
        )
    return value[0], value[1]


def pool_fields(walk, node):
    """Window, stride and padding; ceil_mode's part windows are padding at the bottom and the right."""
    if any(v != 1 for v in node.attributes.get("dilations", [1])) or len([name for name in node.outputs if name]) > 1:
        raise InputError(
            f"{node}: dilated pools and pools with indices are not supported; use dilation 1 and one output"
        )
    window, stride = pair_of(node, "kernel_shape"), pair_of(node, "strides", [1, 1])
    size = walk.chain.shape[1:]
    padding = list(pads_of(walk, node, window, stride, size))
    if node.attributes.get("ceil_mode", 0):
        for axis in (0, 1):
            whole = size[axis] + padding[axis] + padding[2 + axis]
            outputs = -(-(whole - window[axis]) // stride[axis]) + 1
            if (outputs - 1) * stride[axis] >= size[axis] + padding[axis]:
                outputs -= 1  # a window that would start beyond the image is left out (ONNX Runtime, PyTorch)
            padding[2 + axis] += max((outputs - 1) * stride[axis] + window[axis] - whole, 0)
    return window, stride, tuple(padding)
