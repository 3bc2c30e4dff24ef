"""Binary layers: forward values, the windows of the straight-through estimators, clipping."""

import pytest
import torch

from hwgen.training.layers import (
    BatchNorm,
    BinaryConv2d,
    BinaryLinear,
    LogitScale,
    Sign,
    Uniform,
    binary_layers,
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
    assert activation.step == 0.5 and activation.thresholds == (0.25, 0.75, 1.25)
    values = [-1.0, -0.25, 0.0, 0.24, 0.25, 0.74, 0.75, 1.25, 1.5, 1.75, 9.0]
    codes = activation(torch.tensor(values)).tolist()
    assert codes == [0, 0, 0, 0, 1, 1, 2, 3, 3, 3, 3]
    assert codes == [sum(value >= threshold for threshold in activation.thresholds) for value in values]
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
