"""A table of small graphs that covers every operator, each compared with the qonnx executor."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from hwgen.importers.onnx.operators import OPERATORS

from .graphs import GraphBuilder, compare

F = np.float32
I64 = np.int64
CASES = {}
SHAPE = (3, 8, 8)


def case(compared, shape=SHAPE, **options):
    """Register build(graph): a graph on `shape`, of which `compared` tensors are compared."""

    def register(build):
        assert build.__name__ not in CASES
        CASES[build.__name__] = (build, compared, shape, options)
        return build

    return register


def start(g, channels=6):
    """Bipolar pixels and a padded convolution: what most cases begin with."""
    return g.node("Mul", F(2)).node("Sub", F(1)).bipolar().conv(channels, 3, pads=1)


def end(g, features):
    return g.flat().dense(features, 5)


# Quantizers.


def _quant_case(name, bits, scale, signed, narrow, rounding="ROUND", zero=0.0, op="Quant", norm=True):
    @case(3)
    def build(g):
        start(g)
        g.batch_norm() if norm else g.node("Mul", F(0.25))
        g.quant(bits, scale, zero, signed=signed, narrow=narrow, rounding=rounding, op=op)
        g.conv(4, 3)
        g.batch_norm(scale * 2 ** (bits - 1)).bipolar()
        return end(g, 4 * 36)

    CASES[name] = CASES.pop("build")


for _bits, _signed, _narrow in [
    (1, 1, 0),
    (1, 1, 1),
    (1, 0, 0),
    (2, 0, 0),
    (2, 0, 1),
    (2, 1, 0),
    (2, 1, 1),
    (4, 0, 0),
    (4, 1, 0),
    (8, 1, 1),
]:
    _quant_case(
        f"quant_{_bits}_{'signed' if _signed else 'unsigned'}_{_narrow}", _bits, 2.0 ** (1 - _bits), _signed, _narrow
    )
for _rounding in ["ROUND", "HALF_EVEN", "FLOOR", "CEIL", "UP", "DOWN", "HALF_UP", "HALF_DOWN"]:
    _quant_case(f"quant_rounds_{_rounding.lower()}", 3, 0.5, 1, 0, rounding=_rounding)
    # acc * 0.25 / 0.5 hits x.5 all the time: exact ties.
    _quant_case(f"quant_ties_{_rounding.lower()}", 4, 0.5, 1, 0, rounding=_rounding, norm=False)
_quant_case("int_quant", 2, 0.5, 0, 0, op="IntQuant")
_quant_case("quant_zero_point_inside", 3, 0.5, 0, 0, zero=3.0)
_quant_case("quant_zero_point_8_bit", 8, 2.0**-5, 0, 0, zero=128.0)
_quant_case("quant_odd_scale", 3, 0.3, 1, 0)


@case(4, per_channel=True)
def quant_scale_per_channel_then_pool_norm(g):
    start(g).batch_norm().quant(2, g.random.uniform(0.2, 1, (1, 6, 1, 1)), signed=1)
    g.max_pool().batch_norm(0.5).bipolar().conv(4, 3).bipolar()
    return end(g, 16)


@case(3)
def bipolar_scale(g):
    start(g).batch_norm().bipolar(0.5).conv(4, 3).batch_norm(0.5).bipolar(3.0)
    return end(g, 4 * 36)


@case(3, exact_sums=False)
def sign_without_zero(g):
    # An odd number of +-1 is never 0, and neither is what follows the unpadded second convolution.
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar().conv(6, 3).node("Sign").conv(5, 1).node("Add", F(0.5)).node("Sign")
    return end(g, 5 * 36)


@case(3)
def sign_with_zero(g):
    start(g).node("Sign").conv(4, 3).node("Sub", F(2)).node("Sign")
    return end(g, 4 * 36)


@case(2)
def larq_sign_of_sign(g):
    # The two Sign nodes become one Threshold, named after the second.
    start(g).batch_norm().node("Sign").node("Add", F(0.1)).node("Sign")
    return end(g, 6 * 64)


@case(3)
def multi_threshold_bipolar(g):
    start(g).node(
        "MultiThreshold", g.random.integers(-9, 9, (6, 1)).astype(F), out_dtype="BIPOLAR", out_scale=2.0, out_bias=-1.0
    )
    g.conv(4, 3).node(
        "MultiThreshold", np.sort(g.random.integers(-20, 20, (4, 3)), axis=1).astype(F), out_dtype="UINT2"
    )
    return end(g, 4 * 36)


@case(3)
def multi_threshold_signed(g):
    start(g).node(
        "MultiThreshold", np.sort(g.random.integers(-20, 20, (6, 7)), axis=1).astype(F), out_dtype="INT3", out_bias=-4.0
    )
    g.conv(4, 3, pads=1).node(
        "MultiThreshold",
        np.sort(g.random.normal(0, 30, (1, 3)), axis=1).astype(F),
        out_dtype="INT3",
        out_scale=2.0,
        out_bias=-3.0,
    )  # -3, -1, 1, 3: half-odd multiples of the scale
    return end(g, 4 * 64)


@case(2)
def multi_threshold_of_image(g):
    g.node("MultiThreshold", np.arange(0.5, 255).reshape(1, -1).astype(F) / 255, out_dtype="UINT8", out_bias=-3.0).conv(
        4, 3
    )
    g.node("MultiThreshold", np.sort(g.random.integers(-900, 900, (4, 3)), axis=1).astype(F), out_dtype="UINT2")
    return end(g, 4 * 36)


@case(3)
def quant_of_quant(g):
    # The same quantizer twice: the second is dropped. A coarser one is merged with the one before.
    start(g).batch_norm().relu().quant(2, 0.5).quant(2, 0.5).conv(4, 3).batch_norm(0.7).quant(4, 0.25, signed=1).quant(
        2, 1.0, signed=1
    )
    return end(g, 4 * 36)


@case(4)
def falling_function_of_an_activation(g):
    # No row of weights can be turned between two quantizers: a ScaleBias negates.
    start(g).batch_norm().relu().quant(3, 0.25).max_pool().node("Neg").node("Add", F(1)).bipolar().conv(4, 3).bipolar()
    return end(g, 16)


@case(2)
def clip(g):
    start(g).batch_norm().node("Clip", F(-1), F(0.8)).quant(3, 0.3, signed=1)
    return end(g, 6 * 64)


@case(2)
def odd_power(g):
    start(g).node("Pow", F(3)).node("Sub", F(20)).bipolar()
    return end(g, 6 * 64)


@case(4)
def trunc_v1(g):
    start(g).batch_norm().relu().quant(4, 0.125).average_pool()
    g.node("Mul", F(4)).node("Trunc", F(0.125), F(0), F(6), F(4), rounding_mode="FLOOR").conv(4, 3)
    g.batch_norm(0.125 * 20).bipolar()
    return end(g, 4 * 4)


@case(3)
def quant_average_pool(g):
    start(g).batch_norm().relu().quant(4, 1.0).node(
        "QuantAvgPool2d", kernel=4, stride=4, ibits=4, obits=4, signed=0, data_layout="NCHW"
    )
    return end(g, 6 * 4)


# Constants before and after layers.


@case(2)
def scaled_pixels_8_bit(g):
    # CNV's first layer: 2x - 1 quantized to 8 signed bits.
    g.node("Mul", F(2)).node("Sub", F(1)).quant(8, 2.0**-7, signed=1, narrow=1).conv(6, 3).batch_norm(0.5).bipolar()
    return end(g, 6 * 36)


@case(2)
def mean_and_deviation(g):
    g.node("Sub", g.random.uniform(0.4, 0.5, (1, 3, 1, 1)).astype(F)).node(
        "Div", g.random.uniform(0.2, 0.3, (3, 1, 1)).astype(F)
    )
    g.quant(8, 0.02, signed=1).conv(6, 3, pads=1).batch_norm(1.0).bipolar()
    return end(g, 6 * 64)


@case(1, pixels="0..255")
def raw_pixels_by_quant(g):
    g.quant(8, 1.0).conv(6, 3, pads=1).batch_norm(128.0).bipolar()
    return end(g, 6 * 64)


@case(3, pixels="0..255", exact_sums=True)
def raw_pixels_centred(g):
    g.node("Sub", F(128)).conv(6, 3, pads=1).node("Add", g.random.integers(-300, 300, (6, 1, 1)).astype(F)).bipolar()
    return end(g, 6 * 64)


@case(1, pixels="0..255")
def raw_pixels_divided(g):
    # 2p/256 - 1: exact in float32, real 0 is the integer 2p - 256 = 0 where it is padded.
    g.node("Div", F(128)).node("Sub", F(1)).conv(6, 3, pads=1).node("Add", F(0.0009765625)).bipolar()
    return end(g, 6 * 64)


@case(1, pixels="0..255")
def raw_pixels_unpadded(g):
    g.node("Div", F(128)).node("Sub", F(1)).conv(6, 3).batch_norm(0.7, epsilon=0.1).bipolar()
    return end(g, 6 * 36)


@case(1, pixels="-1..1", input_range="-1..1")
def pixels_from_minus_one(g):
    g.conv(6, 3, pads=1).node("Add", g.random.integers(-60, 60, (6, 1, 1)).astype(F) / 8 + F(1 / 511)).bipolar()
    return end(g, 6 * 64)


@case(1)
def pixels_to_one(g):
    # Sums of p/255 are inexact in float32: thresholds halfway between integers are not touched by that.
    g.conv(6, 3, pads=1).node("Sub", (g.random.integers(-900, 900, (6, 1, 1)) + 0.5).astype(F) / F(255)).bipolar()
    return end(g, 6 * 64)


@case(2, mean=(0.5, 0.25, 0.75), std=(0.25, 0.5, 0.5))
def mean_and_deviation_by_option(g):
    g.quant(6, 0.125, signed=1).conv(6, 3, pads=1).batch_norm(2.0).bipolar()
    return end(g, 6 * 64)


@case(2)
def square_before_the_quantizer(g):
    g.node("Pow", F(2)).quant(4, 1 / 16).conv(6, 3).batch_norm(0.5).bipolar()
    return end(g, 6 * 36)


@case(3)
def alpha_and_bias_per_channel(g):
    # XNOR-Net: alpha per output channel in the weights, a bias, and negative factors after it.
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar()
    alpha = 2.0 ** g.random.integers(-3, 3, (6, 1, 1, 1))
    g.conv(6, 3, weights=(alpha * g.signs(6, 3, 3, 3)).astype(F), bias=g.random.integers(-9, 9, 6))
    g.node("Mul", g.random.normal(0, 1, (1, 6, 1, 1)).astype(F)).node(
        "Add", g.random.normal(0, 1, (6, 1, 1)).astype(F)
    ).bipolar()
    g.conv(4, 3).node("Div", g.random.normal(0, 1, (4, 1, 1)).astype(F)).node("Sub", F(0.25)).bipolar()
    return end(g, 4 * 16)


@case(2)
def constant_minus_data(g):
    start(g)
    g.node("Sub", F(3.5), first=False).bipolar()
    return end(g, 6 * 64)


@case(2)
def latent_weights(g):
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar()
    weights = g.random.normal(0, 1, (6, 3, 3, 3)).astype(F)
    weights[0, 0] = 0
    g.conv(6, weights=g.side("BipolarQuant", weights, F(1))).batch_norm().bipolar()
    weights = g.random.normal(0, 1, (6 * 36, 5)).astype(F)
    return g.flat().node(
        "MatMul", g.side("Quant", weights, F(0.5), F(0), F(1), signed=1, narrow=1, rounding_mode="ROUND")
    )


@case(2)
def batch_norm_of_features(g):
    # Flattened before its batch norm: constants per feature.
    start(g).flat()
    g.channels = 6 * 64
    g.batch_norm(zero=9).bipolar().dense(6 * 64, 5)
    return g


@case(2)
def norm_then_flat_then_constants_per_feature(g):
    start(g).batch_norm().flat().node("Add", g.random.normal(0, 0.5, 6 * 64).astype(F)).bipolar().dense(6 * 64, 5)
    return g


@case(3)
def every_gamma_zero(g):
    start(g).batch_norm(zero=6).bipolar().conv(4, 3).batch_norm(zero=4).quant(2, 0.5, signed=1)
    return end(g, 4 * 36)


@case(3)
def exact_ties(g):
    # Sums equal to the mean, with beta 0: batch norm gives 0 exactly, which is +1 even where gamma is negative.
    start(g)
    g.node(
        "BatchNormalization",
        F([1, -1, 2, -0.5, 3, -7]),
        F([0] * 6),
        F([1, 1, -3, 3, 5, -5]),
        F([1, 4, 2, 9, 3, 1]),
        epsilon=1e-5,
    )
    g.bipolar().conv(6, 3).node("Sub", F([0, 2, -2, 4, -4, 6]).reshape(6, 1, 1)).node(
        "Mul", F([1, -1, 1, -1, 1, -1]).reshape(6, 1, 1)
    )
    g.bipolar()
    return end(g, 6 * 36)


# Linear layers.


@case(6, (1, 6, 6), exact_sums=True)
def tfc(g):
    g.reshape(g.batch, -1).node("Mul", F(2)).node("Sub", F([1])).bipolar()
    for inputs, outputs in ((36, 12), (12, 10)):
        weights = g.side("BipolarQuant", g.random.normal(0, 1, (outputs, inputs)).astype(F), F(1))
        g.node("MatMul", g.side("Transpose", weights, perm=[1, 0]))
        g.fan_in, g.channels = inputs, outputs
        g.batch_norm(negative=False, zero=0).bipolar()
    g.dense(10, 4).node("Sub", F([0.45])).node("Div", g.side("Pow", F([318.2]), F(0.5))).node("Mul", F([0.73]))
    return g.node("Add", F([-1.14]))


@case(2, (1, 6, 6))
def gemm(g):
    g.flat().node("Mul", F(2)).node("Sub", F(1)).bipolar()
    g.node("Gemm", g.signs(12, 36), g.random.integers(-5, 5, 12).astype(F), transB=1, alpha=0.5, beta=2.0)
    g.bipolar().node("Gemm", g.signs(12, 4))
    return g


@case(2, (1, 6, 6))
def xnor_popcount(g):
    g.reshape(1 * g.batch, 36).node("Mul", F(2)).node("Sub", F(1))
    g.node("MultiThreshold", F([[0.0]]), out_dtype="BINARY")
    g.node("XnorPopcountMatMul", g.random.integers(0, 2, (36, 12)).astype(F))
    g.node("MultiThreshold", g.random.integers(12, 24, (12, 1)).astype(F), out_dtype="BINARY")
    g.node("XnorPopcountMatMul", g.random.integers(0, 2, (12, 4)).astype(F)).node("Mul", F(2)).node("Sub", F(12))
    return g


@case(3)
def kernels_and_strides(g):
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar().conv(
        6, (5, 3), pads=(2, 0, 1, 3), strides=(2, 1)
    ).batch_norm().bipolar()
    g.conv(4, (1, 7), pads=(0, 3, 0, 3), strides=(1, 2)).batch_norm().bipolar()
    return end(g, 4 * 4 * 5)


@case(3, (1, 9, 9))
def kernel_7x7_same(g):
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar().node(
        "Conv", g.signs(4, 1, 7, 7), auto_pad="SAME_UPPER", strides=[2, 2]
    )
    g.fan_in, g.channels = 49, 4
    g.batch_norm().bipolar().node("Conv", g.signs(4, 4, 4, 4), auto_pad="SAME_LOWER").batch_norm().bipolar()
    return end(g, 4 * 25)


@case(2, lookups=False)
def pad_of_image(g):
    # A border of raw zeros is -1 once the pixels are scaled and quantized.
    g.node("Pad", np.array([0, 0, 2, 1, 0, 0, 1, 2], I64), F(0)).node("Mul", F(2)).node("Sub", F(1)).bipolar()
    g.conv(6, 3).batch_norm().bipolar().conv(4, 3).bipolar()
    return end(g, 4 * 7 * 7)


@case(1, pixels="0..255")
def pad_of_raw_image(g):
    g.node("Sub", F(100)).node("Pad", np.array([0, 0, 1, 1, 0, 0, 1, 1], I64), F(-100)).conv(6, 3).batch_norm(
        100.0
    ).bipolar()
    return end(g, 6 * 64)


# Pools.


@case(3)
def max_pool_overlapping_padded(g):
    start(g).max_pool(3, 2, 1).batch_norm().bipolar().conv(4, 3, pads=1).batch_norm().bipolar().max_pool(2, 1)
    return end(g, 4 * 9)


@case(3, (1, 9, 9))
def max_pool_ceil(g):
    start(g).batch_norm().relu().quant(2, 0.5).max_pool(2, ceil_mode=1).conv(4, 3, pads=1).max_pool(
        3, 2, ceil_mode=1
    ).batch_norm(1.0)
    g.bipolar()
    return end(g, 4 * 4)


@case(3)
def average_pool_overlapping(g):
    start(g).batch_norm().relu().quant(2, 0.5).average_pool(3, 2).conv(4, 3).bipolar()
    return end(g, 4)


@case(2)
def average_pool_of_image(g):
    g.node("Mul", F(255)).average_pool(2).quant(8, 1.0).conv(4, 3).batch_norm(128.0).bipolar()
    return end(g, 4 * 4)


def _global(op, keep, attributes):
    def build(g):
        start(g).batch_norm().relu().quant(2, 0.5).conv(5, 3).node(op, **attributes)
        return g.flat() if keep else g

    return build


CASES["global_average"] = (_global("GlobalAveragePool", True, {}), 2, SHAPE, {})
CASES["global_max"] = (_global("GlobalMaxPool", True, {}), 2, SHAPE, {})
CASES["reduce_mean"] = (_global("ReduceMean", False, {"axes": [2, 3], "keepdims": 0}), 2, SHAPE, {})
CASES["reduce_mean_kept"] = (_global("ReduceMean", True, {"axes": [-1, -2], "keepdims": 1}), 2, SHAPE, {})
CASES["reduce_sum"] = (_global("ReduceSum", False, {"axes": [2, 3], "keepdims": 0}), 2, SHAPE, {})
CASES["reduce_max"] = (_global("ReduceMax", False, {"axes": [2, 3], "keepdims": 0}), 2, SHAPE, {})


@case(3)
def global_average_before_the_norm(g):
    start(g).batch_norm().bipolar().conv(8, 3).node("GlobalAveragePool").batch_norm(0.2).bipolar().conv(5, 1).flat()
    return g


@case(3)
def sum_of_each_channel(g):
    start(g).batch_norm().bipolar().node("Conv", np.full((6, 1, 2, 3), 0.5, F), group=6, strides=[2, 1])
    g.conv(5, 2).batch_norm(3.0).bipolar()
    return g.flat().dense(5 * 3 * 5, 5)


# Tables, whole numbers, and computing in double.


@case(2, pixels="0..255")
def table_of_pixels(g):
    g.quant(8, 1.0).node("Cast", to=7).node("Gather", g.random.integers(-8, 8, 256).astype(F), first=False)
    g.conv(6, 3, pads=1).batch_norm(5.0).bipolar()
    return end(g, 6 * 64)


@case(2, pixels="0..255")
def table_for_each_channel(g):
    g.quant(8, 1.0).node("Div", F(2)).node("Add", F([0, 128, 256]).reshape(3, 1, 1)).node("Cast", to=6)
    g.node("Gather", g.random.integers(0, 4, 384).astype(F), first=False, axis=0)
    g.conv(6, 3, pads=1).batch_norm(2.0).bipolar()
    return end(g, 6 * 64)


@case(3)
def rounded_down_before_the_quantizer(g):
    start(g).node("Mul", F(0.3)).node("Floor").quant(3, 1.5, signed=1).conv(4, 3).batch_norm(6.0).bipolar()
    return end(g, 4 * 36)


@case(3)
def in_double(g):
    # In float32 a sum of 3 would reach the threshold.
    start(g).node("Cast", to=11).node("Sub", np.float64(3 + 1e-9)).bipolar().node("Cast", to=1)
    g.conv(4, 3).node("Mul", F(1 / 3)).node("Cast", to=11).node("Sub", np.float64(1 / 3)).bipolar().node("Cast", to=1)
    return end(g, 4 * 36)


# Shapes.


@case(2, (1, 6, 6))
def shape_chain(g):
    shape = "shape"
    image = g.current
    g.nodes.append(helper.make_node("Shape", [image], [shape], name="s0"))
    g.nodes.append(helper.make_node("Gather", [shape, g.constant(0, I64)], ["batch"], name="s1", axis=0))
    g.nodes.append(helper.make_node("Unsqueeze", ["batch"], ["batch1"], name="s2", axes=[0]))
    g.nodes.append(helper.make_node("Concat", ["batch1", g.constant([-1], I64)], ["target"], name="s3", axis=0))
    g.node("Reshape", "target").node("Mul", F(2)).node("Sub", F(1)).bipolar().dense(
        36, 12
    ).batch_norm().bipolar().dense(12, 4)
    return g


@case(2)
def squeeze_and_unsqueeze(g):
    start(g).node("GlobalAveragePool").node("Squeeze", axes=[2, 3]).node("Identity").batch_norm(0.3).node("Dropout")
    g.node("Unsqueeze", axes=[2, 3]).bipolar().node("Cast", to=1).conv(5, 1).node("Squeeze", axes=[3]).node("Flatten")
    return g


@case(3)
def channels_last(g):
    g.node("Mul", F(2)).node("Sub", F(1)).bipolar().conv(6, 3).batch_norm().bipolar().node(
        "Transpose", perm=[0, 2, 3, 1]
    )
    g.node("Mul", F(3)).node("Transpose", perm=[0, 3, 1, 2]).max_pool().conv(4, 2).batch_norm(3.0).bipolar()
    return g.node("Transpose", perm=[0, 2, 3, 1]).reshape(g.batch, -1).dense(4 * 4, 5)


@case(3, nhwc=True, one_by_one=True)
def finn_channels_last(g):
    g.shape = (g.batch, 8, 8, 3)
    thresholds = g.random.normal(0.5, 0.1, (3, 1)).astype(F)
    g.node("MultiThreshold", thresholds, out_dtype="BIPOLAR", out_scale=2.0, out_bias=-1.0, data_layout="NHWC")
    g.datatypes[g.current] = "INT2"
    g.node(
        "Im2Col",
        kernel_size=[3, 3],
        stride=[1, 1],
        pad_amount=[1, 1, 1, 1],
        input_shape=f"({g.batch},8,8,3)",
        shape=(8, 8, 27),
    )
    g.node("MatMul", g.signs(27, 6), shape=(8, 8, 6))
    g.node(
        "MultiThreshold",
        np.sort(g.random.integers(-9, 9, (6, 3)), axis=1).astype(F),
        out_dtype="UINT2",
        data_layout="NHWC",
        shape=(8, 8, 6),
    )
    g.node("MaxPoolNHWC", kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0], shape=(4, 4, 6)).dense(6, 4)
    g.node(
        "MultiThreshold",
        np.sort(g.random.integers(-9, 9, (4, 3)), axis=1).astype(F),
        out_dtype="INT2",
        out_bias=-2.0,
        data_layout="NHWC",
    )
    return g.node("Flatten").dense(64, 5).node("Mul", F(0.25))


@case(3, nhwc=True)
def qonnx_channels_last(g):
    last = "qonnx.custom_op.channels_last"
    g.shape = (g.batch, 8, 8, 3)
    g.node("Mul", F(2)).node("Sub", F(1)).node("BipolarQuant", F(1), shape=(8, 8, 3))
    weights = g.signs(6, 3, 3, 3).transpose(0, 2, 3, 1).copy()
    g.node(
        "Conv",
        weights,
        domain=last,
        kernel_shape=[3, 3],
        pads=[1] * 4,
        strides=[1, 1],
        dilations=[1, 1],
        group=1,
        shape=(8, 8, 6),
    )
    g.node("MaxPool", domain=last, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4, shape=(4, 4, 6))
    parameters = [1, -1, 2, 0, 1, 3], [0.5] * 6, [1] * 6, [9] * 6
    g.node("BatchNormalization", *(F(v) for v in parameters), domain=last, epsilon=1e-5, shape=(4, 4, 6))
    g.bipolar().dense(6, 4).bipolar()
    return g.node("Flatten").dense(64, 5)


# Results.


def _result(name, *steps, output=TensorProto.FLOAT, compared=2):
    def build(g):
        start(g).batch_norm().bipolar().flat().dense(6 * 64, 5)
        for op, constants, attributes in steps:
            g.node(op, *(c(g) if callable(c) else c for c in constants), **attributes)
        g.output_type = output
        return g

    CASES[name] = (build, compared, SHAPE, {"count": 60})


_result("top_1", ("TopK", [np.array([1], I64)], {"axis": 1, "outputs": 2}), output=TensorProto.INT64)
_result("top_3", ("TopK", [np.array([3], I64)], {"axis": -1, "outputs": 2}), output=TensorProto.INT64)
_result("arg_max", ("ArgMax", [], {"axis": 1, "keepdims": 0}), output=TensorProto.INT64)
_result("softmax", ("Mul", [F(0.125)], {}), ("Softmax", [], {"axis": 1}))
_result("log_softmax", ("Mul", [F(0.125)], {}), ("LogSoftmax", [], {"axis": 1}))
_result("logits_negated", ("Mul", [F(-0.5)], {}), ("Add", [F(3)], {}))
_result("logits_shifted", ("Add", [lambda g: g.random.integers(-9, 9, 5).astype(F)], {}))
_result("logits_biased", ("Add", [lambda g: g.random.normal(0, 5, 5).astype(F)], {}))
_result(
    "logits_scaled",
    ("Mul", [lambda g: g.random.uniform(0.5, 1.5, 5).astype(F)], {}),
    ("Add", [lambda g: g.random.normal(0, 5, 5).astype(F)], {}),
)
_result("logits_scaled_and_negated", ("Mul", [lambda g: g.random.normal(0, 1, 5).astype(F)], {}))
_result("logits_tied", ("Mul", [F([1, 2, 1, 2, 1])], {}), ("Add", [F([0, 8, 0.5, -8, 0])], {}))
_result("logits_rounded_down", ("Mul", [F([3, -2, 1, 5, 0.5])], {}), ("Add", [F(0.5)], {}), ("Floor", [], {}))
_result("logits_of_one_scale_rounded_down", ("Mul", [F(0.25)], {}), ("Floor", [], {}))
_result(
    "logits_of_16_bits",
    ("Mul", [F([3, -2, 1, 5, 0.5])], {}),
    ("Quant", [F(1), F(0), F(16)], {"signed": 1, "narrow": 0, "rounding_mode": "FLOOR"}),
)
_result(
    "logits_that_saturate",
    ("Mul", [F([900, -800, 700, 600, 1000.5])], {}),
    ("Quant", [F(1), F(0), F(13)], {"signed": 1, "narrow": 0, "rounding_mode": "FLOOR"}),
)
_result(
    "logits_in_double",
    ("Cast", [], {"to": 11}),
    # In float32 these products are the same.
    ("Mul", [np.float64((1 << 22) + np.arange(-2, 3))], {}),
    ("Floor", [], {}),
    output=TensorProto.DOUBLE,
)
_result(
    "logits_batch_norm",
    (
        "BatchNormalization",
        [F([1, -2, 0, 0.5, 3]), F([0, 1, 2, 0, -1]), F([3, 2, 1, 0, 9]), F([90, 80, 70, 60, 50])],
        {"epsilon": 1e-5},
    ),
)
_result(
    "logits_quantized",
    ("BatchNormalization", [F([1, 2, 1, 0.5, 3]), F([0] * 5), F([3, 2, 1, 0, 9]), F([90] * 5)], {}),
    ("Quant", [F(0.25), F(0), F(4)], {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}),
    compared=3,
)


@pytest.mark.parametrize("name", sorted(CASES))
def test_case(name):
    build, expected, shape, options = CASES[name]
    seed = sorted(CASES).index(name)

    def graph(batch):
        return build(GraphBuilder(shape, batch=batch, seed=seed))

    _, _, compared = compare(graph, shape, seed=seed, **options)
    assert compared == expected


def test_every_operator_is_covered():
    seen = set()
    for build, _, shape, _ in CASES.values():
        seen |= {node.op_type for node in build(GraphBuilder(shape)).nodes}
    assert set(OPERATORS) <= seen, set(OPERATORS) - seen
    assert len(CASES) == 107
