"""The network's arithmetic as plain loops over Python integers, written from the layers' docstrings alone."""

from itertools import product


def evaluate(network, image):
    """Every layer's output for one image (H, W, C), each as a dict {(channel, row, column): integer}."""
    channels, height, width = network.image_shape
    values = {(c, y, x): int(image[y][x][c]) for c, y, x in product(range(channels), range(height), range(width))}
    outputs = []
    for layer, tensor, after in zip(network.layers, network.tensors, network.tensors[1:], strict=False):
        compute = globals()[type(layer).__name__.lower()]
        values = {place: compute(layer, tensor.shape, values, *place) for place in places(after.shape)}
        outputs.append(values)
    return outputs


def places(shape):
    return product(*(range(n) for n in shape))


def convolution(layer, shape, values, o, y, x):
    total = 0
    for c, ky, kx in product(range(shape[0]), *(range(n) for n in layer.kernel)):
        row = y * layer.stride[0] + ky - layer.padding[0]
        column = x * layer.stride[1] + kx - layer.padding[1]
        total += int(layer.weights[o, c, ky, kx]) * values.get((c, row, column), layer.border)
    return total


def dense(layer, shape, values, o, y, x):
    return sum(int(layer.weights[o, i]) * values[i, 0, 0] for i in range(shape[0]))


def maxpool(layer, shape, values, c, y, x):
    seen = []
    for ky, kx in product(*(range(n) for n in layer.window)):
        place = (c, y * layer.stride[0] + ky - layer.padding[0], x * layer.stride[1] + kx - layer.padding[1])
        if place in values:
            seen.append(values[place])
    return min(seen) if layer.minimum.size and layer.minimum[c] else max(seen)


def sumpool(layer, shape, values, c, y, x):
    offsets = product(*(range(n) for n in layer.window))
    return sum(values[c, y * layer.stride[0] + ky, x * layer.stride[1] + kx] for ky, kx in offsets)


def threshold(layer, shape, values, c, y, x):
    count = sum(values[c, y, x] >= int(t) for t in layer.thresholds[c])
    return layer.output.minimum + layer.output.step * count


def scalebias(layer, shape, values, c, y, x):
    value = (values[c, y, x] * int(layer.multiplier[c]) + int(layer.bias[c])) // 2**layer.shift
    return max(layer.output.minimum, min(layer.output.maximum, value))


def lookup(layer, shape, values, c, y, x):
    return int(layer.table[c if len(layer.table) > 1 else 0, values[c, y, x]])


def flatten(layer, shape, values, i, y, x):
    channels, height, width = shape
    if layer.order == "CHW":
        return values[i // (height * width), i // width % height, i % width]
    return values[i % channels, i // channels // width, i // channels % width]


def argmax(layer, shape, values, o, y, x):
    best = 0
    for i in range(shape[0]):
        if values[i, 0, 0] > values[best, 0, 0]:
            best = i
    return best
