"""Convolution and pooling that stay fast on CPU inside loops, and sharding.

XLA's CPU compiler makes fast code of a convolution, and of its gradients, only
outside `scan`, `while` and `map`; inside, or under `vmap` over kernels, they
fall to a naive loop. The forms here are slices, sums and matmuls, which are
fast anywhere and differentiate any number of times in either mode.
"""

from __future__ import annotations

from collections.abc import Sequence
import functools
import math
from typing import Any, TypeVar

from jax import Array, lax
import jax.numpy as jnp

T = TypeVar('T')

_NHWC = ('NHWC', 'HWIO', 'NHWC')
# Tiles were measured to be faster than patches from this many channels on.
_WINOGRAD_CHANNELS = 16


def conv(
  x: Array,
  kernel: Array,
  window_strides: Sequence[int],
  padding: str | Sequence[tuple[int, int]],
  *,
  lhs_dilation: Sequence[int] | None = None,
  rhs_dilation: Sequence[int] | None = None,
  dimension_numbers: Any = _NHWC,
  feature_group_count: int = 1,
  precision: Any = None,
  bias: Array | None = None,
) -> Array:
  """Convolves in NHWC, as `lax.conv_general_dilated` does; `nn.Conv` takes it.

  On CPU, 3x3 kernels with stride 1 and at least 16 channels on either side are
  filtered by tiles, F(2x2, 3x3) of Lavin and Gray (2015, arXiv:1509.09308), and
  others by a matmul over patches. Both agree with the native convolution up to
  rounding (1e-6 relative in float32). On other platforms, and for dilations,
  groups or other layouts, this is the native convolution.

  Networks that share their images are best mapped over with `lax.map` on CPU;
  under `vmap`, broadcast the images first, or a transposed copy slows it down.

  Args:
    x: images `f[n, h, w, c]`.
    kernel: `f[kh, kw, c, o]`.
    window_strides: of height and width.
    padding: 'SAME', 'VALID' or `((top, bottom), (left, right))`.
    lhs_dilation: of `x`.
    rhs_dilation: of `kernel`.
    dimension_numbers: the layout, as `lax.conv_general_dilated` takes it.
    feature_group_count: of channels.
    precision: of the products.
    bias: `f[o]`, added to every pixel; costs no pass over the result on CPU.

  Returns:
    `f[n, h', w', o]`.
  """

  def native(x: Array, kernel: Array, bias: Array | None) -> Array:
    y = lax.conv_general_dilated(
      x,
      kernel,
      window_strides,
      padding,
      lhs_dilation=lhs_dilation,
      rhs_dilation=rhs_dilation,
      dimension_numbers=dimension_numbers,
      feature_group_count=feature_group_count,
      precision=precision,
    )
    return y if bias is None else y + bias[None, None, None]

  def layout(numbers: Any) -> lax.ConvDimensionNumbers:
    return lax.conv_dimension_numbers(x.shape, kernel.shape, numbers)

  dilations = (*(lhs_dilation or ()), *(rhs_dilation or ()))
  if (
    x.ndim != 4
    or layout(dimension_numbers) != layout(_NHWC)
    or feature_group_count != 1
    or any(dilation != 1 for dilation in dilations)
  ):
    return native(x, kernel, bias)

  kh, kw, *channels = kernel.shape
  sh, sw = window_strides
  if isinstance(padding, str):
    pads = lax.padtype_to_pads(x.shape[1:3], (kh, kw), (sh, sw), padding)
  else:
    pads = padding

  def cpu(x: Array, kernel: Array, bias: Array | None) -> Array:
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    tiled = (kh, kw, sh, sw) == (3, 3, 1, 1) and x.dtype.itemsize >= 4
    if tiled and min(channels) >= _WINOGRAD_CHANNELS:
      return _by_tiles(x, kernel, bias, precision)
    return _by_patches(x, kernel, bias, (sh, sw), precision)

  return lax.platform_dependent(x, kernel, bias, cpu=cpu, default=native)


def _phases(x: Array, axis: int, size: int) -> list[Array]:
  """`x[0::size], ..., x[size - 1::size]` along `axis`.

  Split, not sliced: the transpose is one concatenation, without padded terms.
  """
  x = x.reshape(*x.shape[:axis], -1, size, *x.shape[axis + 1 :])
  parts = lax.split(x, (1,) * size, axis + 1)
  return [part.squeeze(axis + 1) for part in parts]


def _fit(x: Array, h: int, w: int) -> Array:
  """`x` cut, or filled with zeros, to `f[n, h, w, c]`."""
  _, height, width, _ = x.shape
  x = x[:, :h, :w]
  grow = ((0, max(0, h - height)), (0, max(0, w - width)))
  return jnp.pad(x, ((0, 0), *grow, (0, 0)))


def _windows(
  x: Array, size: tuple[int, int], strides: tuple[int, int]
) -> list[Array]:
  """Each pixel of all whole windows, as images `f[n, h', w', c]`, by rows."""
  (kh, kw), (sh, sw) = size, strides
  height, width = x.shape[1:3]
  h, w = (height - kh) // sh + 1, (width - kw) // sw + 1
  x = _fit(x, (h + (kh - 1) // sh) * sh, (w + (kw - 1) // sw) * sw)
  phases = [_phases(rows, 2, sw) for rows in _phases(x, 1, sh)]
  return [
    phases[i % sh][j % sw][:, i // sh : i // sh + h, j // sw : j // sw + w]
    for i in range(kh)
    for j in range(kw)
  ]


def _by_patches(
  x: Array,
  kernel: Array,
  bias: Array | None,
  strides: tuple[int, int],
  precision: Any,
) -> Array:
  """Unpadded convolution as one matmul over the concatenated patches."""
  n, _, _, c = x.shape
  kh, kw, _, o = kernel.shape
  patches = _windows(x, (kh, kw), strides)
  h, w = patches[0].shape[1:3]
  filters = [kernel.reshape(kh * kw * c, o)]
  if bias is not None:
    patches.append(jnp.ones((n, h, w, 1), x.dtype))
    filters.append(bias[None])
  rows = jnp.concatenate(patches, axis=-1).reshape(n * h * w, -1)
  y = jnp.matmul(rows, jnp.concatenate(filters), precision=precision)
  return y.reshape(n, h, w, o)


def _by_tiles(
  x: Array, kernel: Array, bias: Array | None, precision: Any
) -> Array:
  """Unpadded 3x3 convolution of stride 1: 16 matmuls for 4 pixels, not 36."""
  n, height, width, c = x.shape
  h, w = height - 2, width - 2
  p, q = -(-h // 2), -(-w // 2)  # tiles of 2x2 outputs
  x = _fit(x, 2 * p + 2, 2 * q + 2)
  tiles = [_into_tiles(rows, 2) for rows in _into_tiles(x, 1)]
  filters = [_into_filter(*row) for row in _into_filter(*kernel)]
  products = [
    [
      jnp.matmul(d.reshape(n * p * q, c), f, precision=precision)
      for d, f in zip(*row, strict=True)
    ]
    for row in zip(tiles, filters, strict=True)
  ]
  if bias is not None:
    products[1][1] += bias[None]  # which goes to all four pixels
  columns = zip(*(_out_of_tile(*row) for row in products), strict=True)
  pixels = [_out_of_tile(*column) for column in columns]
  y = jnp.stack(
    [
      jnp.stack([y.reshape(n, p, q, -1) for y in row], axis=3)
      for row in zip(*pixels, strict=True)
    ],
    axis=2,
  )
  return y.reshape(n, 2 * p, 2 * q, -1)[:, :h, :w]


def _into_tiles(x: Array, axis: int) -> tuple[Array, ...]:
  even, odd = _phases(x, axis, 2)
  count = even.shape[axis] - 1
  a, c = (lax.slice_in_dim(even, i, i + count, axis=axis) for i in (0, 1))
  b, d = (lax.slice_in_dim(odd, i, i + count, axis=axis) for i in (0, 1))
  return a - c, b + c, c - b, b - d


def _into_filter(a: Array, b: Array, c: Array) -> tuple[Array, ...]:
  return a, 0.5 * (a + b + c), 0.5 * (a - b + c), c


def _out_of_tile(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, ...]:
  return a + b + c, b - c - d


def _window(x: Array, size: int) -> list[Array]:
  """The `size**2` pixels of each whole window, as images `f[n, h', w', c]`."""
  height, width = x.shape[1:3]
  x = x[:, : height // size * size, : width // size * size]
  return [y for rows in _phases(x, 1, size) for y in _phases(rows, 2, size)]


def flat(x: Array) -> Array:
  """Reshapes `f[n, ...]` to `f[n, d]`; there may be no rows."""
  return x.reshape(x.shape[0], math.prod(x.shape[1:]))


def avg_pool(x: Array, size: int = 2) -> Array:
  """Averages windows of `size` by `size`, apart by `size`; the rest is cut.

  Args:
    x: images `f[n, h, w, c]`.
    size: of the window, in pixels.

  Returns:
    `f[n, h // size, w // size, c]`.
  """
  return sum(_window(x, size), start=jnp.zeros((), x.dtype)) / size**2


def max_pool(x: Array, size: int = 2) -> Array:
  """Takes the maximum over windows as `avg_pool`; ties share the gradient.

  Args:
    x: images `f[n, h, w, c]`.
    size: of the window, in pixels.

  Returns:
    `f[n, h // size, w // size, c]`.
  """
  return functools.reduce(jnp.maximum, _window(x, size))


def overlapping_max_pool(x: Array) -> Array:
  """Takes the maximum over 3x3 windows, 2 pixels apart; ties share gradients.

  As `torch.nn.MaxPool2d(3, stride=2, padding=1)`: one more pixel on each side
  is never the maximum.

  Args:
    x: images `f[n, h, w, c]`.

  Returns:
    `f[n, (h + 1) // 2, (w + 1) // 2, c]`.

  >>> overlapping_max_pool(jnp.arange(9.0).reshape(1, 3, 3, 1))[0, :, :, 0]
  Array([[4., 5.],
         [7., 8.]], dtype=float32)
  """
  pads = ((0, 0), (1, 1), (1, 1), (0, 0))
  x = jnp.pad(x, pads, constant_values=jnp.finfo(x.dtype).min)
  for size, strides in (((3, 1), (2, 1)), ((1, 3), (1, 2))):  # rows, columns
    x = functools.reduce(jnp.maximum, _windows(x, size, strides))
  return x
