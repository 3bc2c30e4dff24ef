"""Plain .npz networks: arrays under documented keys, for whoever has numbers and no ONNX exporter.

A file is what ``numpy.savez`` writes; no array needs pickle. `hwgen.training` exports the same keys and values as a
``.pt`` (`torch.save` of one flat dict; a value is a tensor, a text or a number; see `hwgen.importers.torch`).

File
----
format : the text ``"hwgen-bnn"``
version : 1
image_shape : three integers, (channels, height, width); an image is unsigned 8-bit pixels
input_scale, input_offset : the first layer reads input_scale * pixel + input_offset; scalar or (channels,);
    default 1 and 0. The options --input-range, --input-mean and --input-std override both.
name : text, default: the file's name
classes : (classes,) texts, one label per logit; default none
layer0.type, layer1.type, ... : texts, the layers in order, without a gap; each is one simple step from the table
    below. The last layer that sums is the one of the logits; the class is the largest, the lowest index on a tie.
layerN.name : text for messages, default ``layerN``
layerN.KEY : the parameters of layer N

Layer types and their keys (a key without a default is required; an unknown key is refused)
-------------------------------------------------------------------------------------------
Reals are evaluated in float64, in the order written here. "Per channel" is (channels,) or a scalar.

``convolution``
    weights : real, (output channels, input channels, kernel height, kernel width). They are used as
        sign(weights) with sign(0) = +1: latent weights are welcome, and a message says that they were binarised.
    alpha : per output channel, default 1: the sum is alpha[o] * sum(sign(weights[o]) * input) + bias[o]
    bias : per output channel, default 0
    stride : integer or (vertical, horizontal), default 1
    padding : integer, (vertical, horizontal) or (top, left, bottom, right), default 0
    border : value of a padded tap: 0 (default), -1 or +1, in the units of the layer's input
``dense``
    weights : real, (outputs, inputs), binarised like those of a convolution. Its input is flat.
    alpha, bias : as for a convolution
``batch_norm``
    mean, variance : (channels,)
    gamma, beta : per channel, default 1 and 0; gamma may be negative or zero
    epsilon : scalar, default 1e-5. y = (x - mean) * (gamma / sqrt(variance + epsilon)) + beta
``affine``
    scale, offset : per channel, default 1 and 0. y = x * scale + offset
``relu``
    no keys. y = max(x, 0)
``max_pool``
    window : integer or (vertical, horizontal)
    stride : the same, default: the window
    padding : as for a convolution, default 0; a padded position never wins
``average_pool``
    window : integer or (vertical, horizontal); default: the whole input (global)
    stride : the same, default: the window
``flatten``
    order : text, ``"CHW"`` (PyTorch: the pixel index runs fastest) or ``"HWC"`` (the channel index does)
``sign``
    zero : +1 (default) or -1, what sign(0) is. y is -1 or +1
``uniform``
    bits : 1..12
    scale : positive scalar, the step. y = scale * (code - zero_point), code = round(x / scale + zero_point) limited to
        0 .. 2^bits-1, or, where `signed` is 1, to -2^(bits-1) .. 2^(bits-1)-1
    zero_point : integer, default 0
    signed : 0 (default) or 1
    rounding : text, ``"half_up"`` (default: floor(v + 1/2)) or ``"half_even"``
``thresholds``
    thresholds : (channels or 1, count), ascending; count at most 4095. y = scale * #(x >= threshold) + offset
    scale, offset : scalars, default 1 and 0 (scale 2, offset -1 and one threshold give -1/+1)

Example: ``savez(path, **{"format": "hwgen-bnn", "version": 1, "image_shape": [1, 28, 28], "layer0.type": "flatten",
"layer0.order": "CHW", "layer1.type": "dense", "layer1.weights": w, ...})``
"""
