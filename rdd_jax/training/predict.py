"""Logits and features of trained networks, in batches of one size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
from jax import Array
import numpy as np

from rdd_jax.core.chunks import Picked, in_shares
from rdd_jax.core.sharding import by_rows, each
from rdd_jax.core.streamed import Images
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables, apply, apply_with_statistics


def predict(
  net: nn.Module,
  stacked: Variables,
  images: Images | Picked,
  preprocess: Preprocessing | None = None,
  *,
  batch_size: int = 500,
) -> np.ndarray:
  """Computes logits of one or more trained networks, in evaluation mode.

  Batches are shared out to the devices of a mesh that is set, see `in_shares`.

  Args:
    net: the network.
    stacked: variables whose leaves are `[s, ...]`, as `fit_many` returns them.
    images: `[n, H, W, C]`, on the host, the device or disk; uint8 with
      `preprocess`.
    preprocess: applied to each batch of images.
    batch_size: images in flight.

  Returns:
    `f32[s, n, o]`.
  """
  run = partial(_output, 'logits', net, stacked, preprocess)
  return in_batches(run, images, batch_size)[0]


def embed(
  net: nn.Module,
  variables: Variables,
  images: Images,
  preprocess: Preprocessing | None = None,
  *,
  batch_size: int = 500,
) -> np.ndarray:
  """Computes features `f32[n, d]` of one trained network.

  Args:
    variables: of the network; the rest is as for `predict`.
  """
  stacked = jax.tree.map(lambda leaf: leaf[None], variables)
  run = partial(_output, 'features', net, stacked, preprocess)
  return in_batches(run, images, batch_size)[0][0]


def describe(
  net: nn.Module,
  stacked: Variables,
  images: Images,
  preprocess: Preprocessing | None = None,
  *,
  batch_size: int = 500,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Computes logits, features, and statistics `f32[s, n, m]` of convolutions.

  Args:
    net, stacked, images, ...: as for `predict`; see `apply_with_statistics`.
  """
  run = partial(_described, net, stacked, preprocess)
  logits, features, statistics = in_batches(run, images, batch_size)
  return logits, features, statistics


def in_batches(
  fn: Callable[[Array], tuple[Array, ...]],
  images: Images | Picked,
  batch_size: int,
) -> tuple[np.ndarray, ...]:
  """Applies `fn` to all images, in batches of one size.

  Args:
    fn: from images `[b, ...]` to arrays `[s, b, ...]`; jitted, what it computes
      is in `by_rows`.
    images: `[n, ...]`, on the host, the device or disk.
    batch_size: images in flight.

  Returns:
    Arrays `[s, n, ...]`, on the host.
  """

  def on_host(images: np.ndarray | Array) -> tuple[np.ndarray, ...]:
    if isinstance(images, np.ndarray):
      return on_host(jax.device_put(images))
    return jax.device_get(fn(images))

  return in_shares(on_host, images, batch_size, axis=1)


@partial(jax.jit, static_argnames=('what', 'net'))
def _output(
  what: str,
  net: nn.Module,
  stacked: Variables,
  preprocess: Preprocessing | None,
  images: Array,
) -> tuple[Array, ...]:
  def one(variables: Variables, inputs: Array) -> tuple[Array]:
    return (getattr(apply(net, variables, inputs), what),)

  return _of_each(one, stacked, preprocess, images)


@partial(jax.jit, static_argnames='net')
def _described(
  net: nn.Module,
  stacked: Variables,
  preprocess: Preprocessing | None,
  images: Array,
) -> tuple[Array, Array, Array]:
  def one(variables: Variables, inputs: Array) -> tuple[Array, Array, Array]:
    said, statistics = apply_with_statistics(net, variables, inputs)
    return said.logits, said.features, statistics

  return _of_each(one, stacked, preprocess, images)


def _of_each(
  one: Callable[[Variables, Array], Any],
  stacked: Variables,
  preprocess: Preprocessing | None,
  images: Array,
) -> Any:
  """What each network gives of images, of which each device has its own."""

  def run(
    images: Array, stacked: Variables, preprocess: Preprocessing | None
  ) -> Any:
    inputs = images if preprocess is None else preprocess(images)
    return each(lambda variables: one(variables, inputs), stacked)

  return by_rows(run, images, stacked, preprocess, axis=1)
