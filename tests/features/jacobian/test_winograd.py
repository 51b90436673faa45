"""Minimal filtering equals PyTorch's convolution, and its adjoint the transposed one."""

import pytest
import torch
import torch.nn.functional as F

from tracker.features.jacobian.winograd import RowFilter, Winograd

CASES = [  # kernel's side, size, stride, tile
    (3, 5, 1, 3),  # conv3 of VGG-M: one tile
    (5, 25, 2, 6),  # conv2: the last of two tiles reaches beyond the output
    (5, 25, 2, 4),
    (3, 9, 1, 5),
    (4, 12, 2, 3),
    (7, 30, 3, 2),
]


def random(*shape, dtype):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 5e-5)])
@pytest.mark.parametrize(("side", "size", "stride", "tile"), CASES)
def test_it_equals_the_direct_convolution(side, size, stride, tile, dtype, tolerance):
    kernel, x = random(5, 4, side, side, dtype=dtype), random(3, size, size, 4, dtype=dtype)
    winograd = Winograd(kernel, size, stride, tile, batch=4)
    expected = F.conv2d(x.permute(0, 3, 1, 2), kernel, stride=stride).permute(0, 2, 3, 1)
    y = winograd.forward(x)
    assert y.shape == expected.shape
    assert y.dtype == dtype
    torch.testing.assert_close(y, expected, rtol=0, atol=tolerance * float(expected.abs().max()))


@pytest.mark.parametrize(("side", "size", "stride", "tile"), CASES)
def test_the_adjoint_is_the_transpose(side, size, stride, tile):
    kernel, x = random(5, 4, side, side, dtype=torch.float64), random(2, size, size, 4, dtype=torch.float64)
    winograd = Winograd(kernel, size, stride, tile, batch=4)
    y = winograd.forward(x)
    z = torch.cos(y)
    back = winograd.adjoint(z)
    assert back.shape == x.shape
    assert float((back * x).sum()) == pytest.approx(float((z * y).sum()), rel=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 5e-5)])
@pytest.mark.parametrize(
    ("side", "size", "stride", "tile"), [(7, 51, 2, 4), (7, 12, 2, 3), (5, 9, 2, 6), (3, 8, 1, 2), (4, 7, 3, 7)]
)
def test_filtered_rows_equal_the_transposed_convolution(side, size, stride, tile, dtype, tolerance):
    kernel, y = random(5, 3, side, side, dtype=dtype), random(2, size, size, 5, dtype=dtype)
    rows = RowFilter(kernel, size, stride, tile, batch=2)
    for scale in (3.0, 1.0):  # nothing of the first maps is left in the buffers
        for j, part in enumerate(rows.rows):
            part.copy_(scale * y[:, j::tile])
        x = rows.adjoint()
    expected = F.conv_transpose2d(y.permute(0, 3, 1, 2), kernel, stride=stride).permute(0, 2, 3, 1)
    beyond = (x.shape[1] - expected.shape[1], x.shape[2] - expected.shape[2])
    expected = F.pad(expected, (0, 0, 0, beyond[1], 0, beyond[0]))
    torch.testing.assert_close(x, expected, rtol=0, atol=tolerance * float(expected.abs().max()))


def test_a_tile_of_too_many_points_is_refused():
    with pytest.raises(ValueError, match="tile is 7; with 3 taps it may be 6"):
        Winograd(random(5, 4, 5, 5, dtype=torch.float32), size=25, stride=2, tile=7, batch=1)
