"""Binary layers, activations and norms: forward values, the gradients of the straight-through estimators, clipping."""

import math

import numpy as np
import pytest
import torch

from hwgen.training.activations import InputSign, Sign, Uniform, step_logarithms
from hwgen.training.norms import BatchNorm, ShiftBatchNorm
from hwgen.training.weights import (
    BinaryConv2d,
    BinaryLinear,
    FilterScale,
    LogitScale,
    binary_layers,
    centre_latent_weights,
    clip_latent_weights,
)


def gradient_of(module, values):
    values = torch.tensor(values, requires_grad=True)
    module(values).sum().backward()
    assert values.grad is not None
    return values.grad.tolist()


def test_weights_are_signs_and_zero_is_plus_one():
    layer = BinaryLinear(3, 2)
    layer.weight.data = torch.tensor([[0.0, -0.0, -1e-30], [0.7, -0.7, 1.0]])
    assert layer.binary_weight.tolist() == [[1, 1, -1], [1, -1, 1]]
    assert layer(torch.tensor([[10.0, 20.0, 5.0]])).tolist() == [[25, -5]]


def test_weight_gradient_passes_unchanged():
    layer = BinaryLinear(3, 1)
    layer.weight.data = torch.tensor([[0.1, -0.9, 1.0]])
    layer(torch.tensor([[2.0, -3.0, 5.0]])).sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.tolist() == [[2, -3, 5]]


def test_convolution_pads_with_zero():
    layer = BinaryConv2d(1, 1, 3, padding=1)
    layer.weight.data.fill_(0.5)
    sums = layer(torch.full((1, 1, 3, 3), 255.0))
    assert (sums[0, 0] / 255).tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]


def test_clipping_bounds_the_latent_weights_only():
    layer, norm = BinaryLinear(2, 2), BatchNorm(2)
    model = torch.nn.Sequential(layer, norm, LogitScale(2.0))
    layer.weight.data = torch.tensor([[3.0, -3.0], [0.25, -1.0]])
    norm.weight.data.fill_(3.0)
    clip_latent_weights(model)
    assert layer.weight.tolist() == [[1, -1], [0.25, -1]]
    assert norm.weight.tolist() == [3, 3]
    assert binary_layers(model) == [layer]


def test_sign_and_its_hardtanh_window():
    values = [-1.5, -1.0, -0.25, 0.0, 0.25, 1.0, 1.5]
    assert Sign()(torch.tensor(values)).tolist() == [-1, -1, -1, 1, 1, 1, 1]
    assert gradient_of(Sign(), values) == [0, 1, 1, 1, 1, 1, 0]


def test_uniform_codes_and_window():
    activation = Uniform(2)
    assert activation.step == 0.5
    values = [-1.0, -0.25, 0.0, 0.24, 0.25, 0.74, 0.75, 1.25, 1.5, 1.75, 9.0]
    codes = activation(torch.tensor(values)).tolist()
    assert codes == [0, 0, 0, 0, 1, 1, 2, 3, 3, 3, 3]
    assert codes == [sum(value >= threshold for threshold in (0.25, 0.75, 1.25)) for value in values]
    assert gradient_of(activation, values) == [0, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0]


@pytest.mark.parametrize("bits", [1, 9])
def test_uniform_refuses_other_widths(bits):
    with pytest.raises(ValueError, match=f"2..8 bits, not {bits}"):
        Uniform(bits)


def test_batch_norm_evaluates_as_torch_does_and_is_exact_at_its_mean():
    generator = torch.Generator().manual_seed(4)
    norm, reference = BatchNorm(5).double(), torch.nn.BatchNorm2d(5).double()
    mean = torch.randn(5, generator=generator, dtype=torch.float64) * 40
    norm.running_mean = mean.clone()
    for parameter in (norm.weight, norm.bias):
        parameter.data = torch.randn(5, generator=generator, dtype=torch.float64) * 40
    norm.running_var = torch.rand(5, generator=generator, dtype=torch.float64) * 90
    reference.load_state_dict(norm.state_dict())
    values = torch.randn(3, 5, 4, 4, generator=generator, dtype=torch.float64) * 100
    norm.eval()
    reference.eval()
    torch.testing.assert_close(norm(values), reference(values), rtol=1e-9, atol=1e-9)
    norm.bias.data.zero_()
    assert (norm(mean.expand(2, 5)) == 0).all()
    norm.train()
    reference.bias.data.zero_()
    reference.train()
    assert torch.equal(norm(values), reference(values))


def test_batch_norm_refuses_other_shapes():
    with pytest.raises(ValueError, match="of 3 channels takes"):
        BatchNorm(3).eval()(torch.zeros(2, 4))


def test_logit_scale_starts_where_it_is_told():
    torch.testing.assert_close(LogitScale(0.25)(torch.tensor([8.0])), torch.tensor([2.0]))


def test_drawn_weights_follow_their_probability_in_training_only():
    layer = BinaryLinear(5, 4000, stochastic=True)
    layer.weight.data = torch.tensor([-2.0, -0.5, 0.0, 0.5, 2.0]).repeat(4000, 1)
    torch.manual_seed(0)
    drawn = layer(torch.eye(5)).T
    assert set(drawn.unique().tolist()) == {-1, 1}
    shares = (drawn > 0).float().mean(0).tolist()
    assert shares[0] == 0 and shares[4] == 1
    assert shares[1:4] == pytest.approx([0.25, 0.5, 0.75], abs=0.03)
    assert not torch.equal(layer(torch.eye(5)), drawn.T)
    layer.eval()
    assert torch.equal(layer(torch.eye(5)).T, torch.tensor([-1.0, -1, 1, 1, 1]).repeat(4000, 1))


def test_the_gradient_of_drawn_weights_is_that_of_what_was_drawn():
    layer = BinaryConv2d(1, 1, 1, stochastic=True)
    layer(torch.full((1, 1, 1, 1), 3.0)).sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.item() == 3


def test_alpha_is_the_mean_magnitude_and_has_the_gradient_of_the_paper():
    layer = BinaryLinear(3, 2)
    layer.weight.data = torch.tensor([[0.5, -0.25, 0.75], [0.0, -0.1, 0.2]])
    scale = FilterScale(layer)
    assert scale.alpha.tolist() == pytest.approx([0.5, 0.1])
    assert not list(scale.parameters())
    x = torch.tensor([[1.0, 2.0, 4.0]])
    scale(layer(x)).sum().backward()
    # dC/dw_i = dC/dW_i * alpha + sign(w_i) / n * sum_j dC/dW_j sign(w_j), with dC/dW = x
    expected = [
        [x_i * alpha + sign * total / 3 for x_i, sign in zip((1, 2, 4), signs, strict=True)]
        for alpha, signs, total in ((0.5, (1, -1, 1), 3), (0.1, (0, -1, 1), 3))
    ]
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, torch.tensor(expected))


def test_centring_takes_the_mean_over_input_channels():
    layer = BinaryConv2d(2, 1, 1)
    layer.weight.data = torch.tensor([0.75, 0.25]).reshape(1, 2, 1, 1)
    centre_latent_weights(torch.nn.Sequential(layer))
    assert layer.weight.flatten().tolist() == [0.25, -0.25]
    single = BinaryConv2d(1, 1, 1)
    single.weight.data.fill_(0.75)
    centre_latent_weights(torch.nn.Sequential(single))
    assert single.weight.item() == 0.75


def test_a_learned_step_has_the_gradient_of_the_quotient():
    activation = Uniform(2, learned=True)
    values = torch.tensor([[0.3, -4.0, 0.9, 4.0]], requires_grad=True)
    activation(values).sum().backward()
    # d(x / step) / d log(step) = -x / step where nothing is limited
    (logarithm,) = step_logarithms(activation)
    assert logarithm.grad is not None and logarithm.grad.item() == pytest.approx(-(0.3 + 0.9) / 0.5, rel=1e-5)
    assert values.grad is not None and values.grad.tolist() == [[2, 0, 2, 0]]
    logarithm.data.fill_(math.log(3))
    assert activation.step.item() == pytest.approx(1.5)
    assert not Uniform(2).step.requires_grad and not step_logarithms(Uniform(2))


def test_input_sign_splits_the_pixels_in_the_middle():
    assert InputSign()(torch.tensor([0.0, 127.0, 128.0, 255.0])).tolist() == [-1, -1, 1, 1]


def test_shift_norm_multiplies_by_powers_of_two():
    norm = ShiftBatchNorm(7).double()
    norm.running_var = torch.tensor([1.0, 2.5, 3.0, 100.0, 0.02, 5.0, 5.0], dtype=torch.float64)
    norm.weight.data = torch.tensor([1.0, -1.4, 1.5, 0.7, -3.0, 0.0, 1e-3], dtype=torch.float64)
    expected = [
        0.0 if gamma == 0 else math.copysign(2.0 ** (round(-math.log2(var) / 2) + round(math.log2(abs(gamma)))), gamma)
        for var, gamma in zip(norm.running_var.tolist(), norm.weight.tolist(), strict=True)
    ]
    assert norm.scale.tolist() == expected
    norm.running_mean = torch.arange(7, dtype=torch.float64)
    norm.bias.data.fill_(0.25)
    norm.eval()
    assert norm(torch.full((1, 7), 9.0)).tolist() == [[(9 - i) * s + 0.25 for i, s in enumerate(expected)]]


def test_shift_norm_in_training_is_near_the_ordinary_one():
    generator = torch.Generator().manual_seed(2)
    values = torch.randn(200, 3, 4, 4, generator=generator) * 40 + 7
    norm, reference = ShiftBatchNorm(3), BatchNorm(3)
    ratio = norm(values) / reference(values)
    assert (0.5 < ratio).all() and (ratio < 2).all() and ratio.std((0, 2, 3)).max() < 1e-4
    for _ in range(100):
        norm(values)
        reference(values)
    torch.testing.assert_close(norm.statistics[0], reference.statistics[0])
    assert (0.6 < norm.statistics[1] / reference.statistics[1]).all()
    norm.eval()
    deviation = norm(values).std()
    assert 0.5 < deviation < 2


def test_shift_norm_in_training_is_algorithm_3():
    """BNN's algorithm 3 in NumPy: every factor a power of two, of each centred value as well."""

    def ap2(z):
        return np.sign(z) * 2.0 ** np.round(np.log2(np.abs(z)))

    values = np.random.default_rng(6).normal(3, 20, (50, 4, 2, 2))
    gamma, beta = np.array([1.0, -1.7, 0.3, 5.0]), np.array([0.5, 0.0, -2.0, 1.0])
    norm = ShiftBatchNorm(4).double().train()
    norm.weight.data, norm.bias.data = torch.tensor(gamma), torch.tensor(beta)
    centred = values - values.mean((0, 2, 3), keepdims=True)
    variance = (centred * ap2(centred)).mean((0, 2, 3))
    scale = ap2(1 / np.sqrt(variance + norm.eps)) * ap2(gamma)
    expected = centred * scale[:, None, None] + beta[:, None, None]
    np.testing.assert_allclose(norm(torch.tensor(values)).detach().numpy(), expected, rtol=1e-5, atol=1e-4)
    mean, running = (part.numpy() for part in norm.statistics)
    np.testing.assert_allclose(mean, 0.1 * values.mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(running, 0.9 + 0.1 * variance, rtol=1e-5)


def test_shift_norm_passes_gradients():
    norm = ShiftBatchNorm(2)
    values = torch.randn(16, 2, generator=torch.Generator().manual_seed(3), requires_grad=True)
    (norm(values) * torch.arange(16).view(-1, 1)).sum().backward()
    for tensor in (values, norm.weight, norm.bias):
        assert tensor.grad is not None and tensor.grad.abs().sum() > 0
