"""The end of a chain: integer logits that rank as the source's real ones do, ties included."""

import numpy as np

from ..integers import MAX_RESULT_BITS, Range, signed
from ..layers import MAX_CONSTANT, ScaleBias, Tensor
from .realfold import Function

MAX_COMPARED = 1 << 23  # (channel, sum) pairs that the check sorts: under a second for the usual 10 classes
_MEND = "give all classes one scale, or fewer inputs to the last layer"


def ranking_layers(tensor: Tensor, step: int, function: Function) -> tuple[bool, list, list[str]]:
    """How to rank sums x of `tensor` (one per class) as function(x) ranks.

    Parameters
    ----------
    step : the reachable sums are range.minimum, range.minimum + step, ...

    Returns
    -------
    (negate, layers, messages) : whether every sum is to be negated first, and the layers after that, at most one

    Raises
    ------
    ValueError : no integer scale and bias gives that order
    """
    if tensor.type is not None and function.is_identity:
        return False, [], []  # a ScaleBias of 32 bits has too many values to go through
    if function.uniform:
        return _same_for_all(tensor.range, step, function)
    channels = tensor.shape[0]
    count = (tensor.range.maximum - tensor.range.minimum) // step * channels
    if count > MAX_COMPARED:
        raise ValueError(f"the order of its {count} possible logits is too long to check; {_MEND}")
    layers, messages = _per_class(tensor.range, step, function, channels)
    return False, layers, messages


def _same_for_all(range_: Range, step: int, function: Function):
    """One rising function for all classes ranks as its argument does; a falling one ranks the other way."""
    direction = function.direction
    if direction is None or not direction.all():
        raise ValueError("what follows the logits neither rises nor falls; remove it")
    falls = bool(direction.flat[0] < 0)
    messages = []
    function = function.take(np.zeros(1, np.intp))  # of all classes alike: one is enough
    if not _strict(range_, step, function, falls):
        if not _strict(range_, step, function.with_dtype(np.float64), falls):
            raise ValueError(
                "what follows the logits gives different sums the same value; remove the clip, rounding or power there"
            )
        messages = ["logits: sums that round to the same real are told apart here"]
    return falls, [], messages


def _strict(range_, step, function, falls):
    last = None
    for start in range(range_.minimum, range_.maximum + 1, step << 20):
        x = np.arange(start, min(start + (step << 20), range_.maximum + 1), step)
        values = function(x[None, :])[0]
        values = -values if falls else values
        if last is not None:
            values = np.concatenate([[last], values])
        if not (np.diff(values) > 0).all():
            return False
        last = values[-1]
    return True


def _per_class(range_, step, function, channels):
    """A ScaleBias whose integer multipliers and biases order every pair of reachable sums as the source does."""
    affine = function.affine
    if affine is None:
        raise ValueError("its logits are clipped, rounded or raised to a power with constants per class; remove that")
    a, b = (np.broadcast_to(v, (channels, 1)) for v in affine)
    largest = np.abs(a).max()
    if not largest:
        raise ValueError("its logits do not depend on the image")
    x = np.arange(range_.minimum, range_.maximum + 1, step)[None, :]
    as_source = _order(function(np.broadcast_to(x, (channels, x.shape[1]))))
    exact = _order(function.with_dtype(np.float64)(np.broadcast_to(x, (channels, x.shape[1]))))
    second = None
    for bits in range(40):
        multiplier, bias = (np.rint(v[:, 0] / largest * 2.0**bits) for v in (a, b))
        if max(np.abs(multiplier).max(), np.abs(bias).max()) > MAX_CONSTANT:
            break
        multiplier, bias = multiplier.astype(np.int64), bias.astype(np.int64)
        # The integer unit computes exactly this; its product is below 2^62 or the layer refuses it.
        extreme = int(np.abs(multiplier).max()) * max(abs(range_.minimum), abs(range_.maximum)) + int(
            np.abs(bias).max()
        )
        if extreme >= 1 << 62:
            break
        shift = max(0, extreme.bit_length() + 1 - MAX_RESULT_BITS)
        values = (x * multiplier[:, None] + bias[:, None]) >> shift
        layer = ScaleBias(
            multiplier=multiplier,
            bias=bias,
            shift=shift,
            name="logits",
            output=signed(max(2, min(MAX_RESULT_BITS, extreme.bit_length() + 1))),
        )
        if _ranks(values, as_source):
            return [layer], []
        if second is None and _ranks(values, exact):
            second = layer
    if second is None:
        raise ValueError(f"no integer multiplier and bias rank its logits as the reals do; {_MEND}")
    return [second], ["logits: sums that only rounding ranks or ties are ranked here as exact arithmetic ranks them"]


def _order(values):
    """Indices into the flattened (channels, count) values from the last rank up: by value, then by falling channel."""
    channel = np.repeat(np.arange(len(values)), values.shape[1])
    return np.lexsort((-channel, values.ravel()))


def _ranks(values, order):
    """Whether integers `values` (channels, count) rank in `order`, ties going to the lowest channel."""
    channel = order // values.shape[1]
    ranked = values.ravel()[order]
    rises = ranked[1:] > ranked[:-1]
    ties = (ranked[1:] == ranked[:-1]) & (channel[1:] <= channel[:-1])
    return bool((rises | ties).all())
