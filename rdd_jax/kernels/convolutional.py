"""Kernels of convolutional networks with infinitely many channels.

Novak et al., Bayesian Deep Convolutional Networks with Many Channels are
Gaussian Processes, ICLR 2019; Arora et al., On Exact Computation with an
Infinitely Wide Neural Net, NeurIPS 2019, sec. 4. Without pooling, a pixel of
one image meets the same pixel of the other alone; with pooling it meets all,
and an entry costs `height * width` times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
import math

import chex
import jax
from jax import Array, lax
import jax.numpy as jnp

from rdd_jax.core.errors import UserError
from rdd_jax.kernels.fully_connected import require_depth
from rdd_jax.kernels.kernel import (
  EXACT,
  Kernel,
  Kernels,
  require_alike,
  with_diagonal,
)
from rdd_jax.kernels.relu import moments


def convolutional(
  depth: int,
  w_std: float = math.sqrt(2),
  b_std: float = 0.1,
  *,
  size: int = 3,
  halve: bool = False,
  global_pool: bool = False,
) -> Kernel:
  """Returns the kernel of `depth` convolutions with ReLU and a linear layer.

  Convolutions keep the size of the image, with zeros around it that count in
  the fan-in, `size**2` times the channels.

  Args:
    depth: convolutions.
    w_std: of weights.
    b_std: of biases.
    size: of the filters, odd.
    halve: 2x2 average pooling after each ReLU; odd sides lose a pixel.
    global_pool: the linear layer sees the mean over pixels, not all of them.

  Returns:
    `kernel(x1, x2=None) -> Kernels` of images `f[n, h, w, c]`. Memory is that
    of `n1 * n2 * h * w` numbers, squared in `h * w` with pooling: evaluate it
    `blockwise`.

  Raises:
    UserError: for an even size, or an image that is halved away.

  >>> convolutional(1)(jnp.ones((2, 4, 4, 1))).nngp.shape
  (2, 2)
  """
  require_depth(depth)
  if size % 2 != 1:
    raise UserError(f'filters of size={size}: give an odd size, such as 3')
  pairs = halve or global_pool

  def affine(k: Array) -> Array:
    return w_std**2 * k + b_std**2

  def kernel(x1: Array, x2: Array | None = None) -> Kernels:
    chex.assert_rank(x1, 4)
    require_alike(x1, x2)
    same = x2 is None
    # Else XLA would work out the windows of constant rows as it compiles.
    x1, second = lax.optimization_barrier((x1, x1 if x2 is None else x2))
    if halve and min(x1.shape[1:3]) < 2**depth:
      raise UserError(
        f'{depth} halvings of {x1.shape[1]}x{x1.shape[2]} images leave '
        f'nothing: give a depth of at most {int(math.log2(min(x1.shape[1:3])))}'
      )
    cross = 'ahwc,bhwc->abhw' if not pairs else 'ahwc,bijc->abhwij'
    own = 'ahwc,ahwc->ahw' if not halve else 'ahwc,aijc->ahwij'

    def inner(spec: str, x: Array, y: Array) -> Array:
      return jnp.einsum(spec, x, y, precision=EXACT) / x.shape[-1]

    def exact(k: Array, self_: Array) -> Array:
      return _with_own(k, self_, pairs, halve) if same else k

    a = inner(own, x1, x1)
    b = a if same else inner(own, second, second)
    k = exact(inner(cross, x1, second), a)
    ntk = jnp.zeros_like(k)
    for layer in range(depth):
      a, b = affine(_window(a, size, halve)), affine(_window(b, size, halve))
      k = exact(affine(_window(k, size, pairs)), a)
      # No windows over zeros, which XLA would work out as it compiles.
      ntk = k + w_std**2 * _window(ntk, size, pairs) if layer else k
      k, slope = _relu(k, a, b, pairs, halve)
      ntk = slope * ntk
      a, b = _relu_own(a, halve), _relu_own(b, halve)
      if halve:
        a, b, k, ntk = (_halved(x) for x in (a, b, k, ntk))
    k = affine(_readout(k, pairs, global_pool))
    return Kernels(k, k + w_std**2 * _readout(ntk, pairs, global_pool))

  return jax.jit(kernel)


def _window(k: Array, size: int, pairs: bool) -> Array:
  """The mean over windows, at once in both pixels of a pair; zeros around."""
  if pairs:
    for axes in (-4, -2), (-3, -1):
      k = _slide(k, size, [axis % k.ndim for axis in axes]) / size
    return k
  # Height and width in turn: XLA on CPUs is slow at windows over both.
  for axis in (k.ndim - 2, k.ndim - 1):
    window = [size if i == axis else 1 for i in range(k.ndim)]
    sums = lax.reduce_window(k, 0.0, lax.add, window, (1,) * k.ndim, 'SAME')
    k = sums / size
  return k


def _slide(k: Array, size: int, axes: Sequence[int]) -> Array:
  half = size // 2
  pads = [(half, half) if axis in axes else (0, 0) for axis in range(k.ndim)]
  # XLA on CPUs would pad anew, number by number, for each shift.
  padded = lax.optimization_barrier(jnp.pad(k, pads))
  total = jnp.zeros_like(k)
  for i in range(size):
    window = tuple(
      slice(i, i + n) if axis in axes else slice(None)
      for axis, n in enumerate(k.shape)
    )
    total = total + padded[window]
  return total


def _variances(own: Array, halve: bool) -> Array:
  """Of each pixel `f[n, h, w]`, from covariances within an image."""
  return jnp.einsum('ahwhw->ahw', own) if halve else own


def _relu(
  k: Array, a: Array, b: Array, pairs: bool, halve: bool
) -> tuple[Array, Array]:
  first, second = _variances(a, halve)[:, None], _variances(b, halve)[None]
  if pairs:
    first, second = first[..., None, None], second[:, :, None, None]
  return moments(k, first, second)


def _relu_own(own: Array, halve: bool) -> Array:
  """Covariances within an image, after a ReLU."""
  if not halve:
    return own / 2
  v = _variances(own, halve)
  after, _ = moments(own, v[..., None, None], v[:, None, None])
  return _with_variances(after, v / 2)


def _with_variances(own: Array, v: Array) -> Array:
  h, w = (jnp.arange(n) for n in v.shape[1:])
  h, w = h[:, None], w[None, :]
  return own.at[:, h, w, h, w].set(v)


def _with_own(k: Array, own: Array, pairs: bool, halve: bool) -> Array:
  """An image meets itself by its own covariances, free of rounding."""
  if pairs and not halve:
    n, h, w = (jnp.arange(m) for m in own.shape)
    n, h, w = n[:, None, None], h[None, :, None], w[None, None, :]
    return k.at[n, n, h, w, h, w].set(own)
  return with_diagonal(k, own)


def _halved(k: Array) -> Array:
  """The mean over 2x2 pixels of each image of a pair."""
  for axis in (-4, -3, -2, -1):
    axis %= k.ndim
    even = k.shape[axis] // 2 * 2
    cut = tuple(
      slice(even) if i == axis else slice(None) for i in range(k.ndim)
    )
    shape = (*k.shape[:axis], even // 2, 2, *k.shape[axis + 1 :])
    k = k[cut].reshape(shape).mean(axis + 1)
  return k


def _readout(k: Array, pairs: bool, global_pool: bool) -> Array:
  """What the linear layer sees: the mean over all pairs, or equal pixels."""
  if global_pool:
    return k.mean((-4, -3, -2, -1))
  if pairs:
    k = jnp.einsum('abhwhw->abhw', k)
  return k.mean((-2, -1))
