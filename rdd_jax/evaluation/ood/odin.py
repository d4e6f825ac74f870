"""ODIN: the softmax score of inputs that are moved uphill first.

Liang, Li and Srikant, Enhancing the Reliability of Out-of-distribution Image
Detection in Neural Networks (ICLR 2018). Deviations: the step is of one size in
what the network takes, not in pixels; temperature and magnitude are fixed, at
the paper's values, where the paper tunes the magnitude on out-of-distribution
rows of the kind that it tests.
"""

from __future__ import annotations

from functools import partial

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.sharding import each
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables, apply
from rdd_jax.training.predict import in_batches


def odin(
  net: nn.Module,
  stacked: Variables,
  images: np.ndarray | Array,
  preprocess: Preprocessing | None,
  num_classes: int,
  *,
  temperature: float = 1000.0,
  magnitude: float = 0.0014,
  batch_size: int = 500,
) -> np.ndarray:
  """Returns the log of the largest softmax probability of moved inputs.

  Network inputs move by `magnitude` in each coordinate, up the gradient of that
  probability. A reject class beyond `num_classes` is left out.

  Args:
    net: the network.
    stacked: variables whose leaves are `[s, ...]`, as `fit_many` returns them.
    images: `[n, H, W, C]`, on the host or the device; uint8 with `preprocess`.
    preprocess: applied to each batch of images.
    num_classes: the number of classes.
    temperature: divides the logits.
    magnitude: of the step, in units of the network's inputs.
    batch_size: images in flight.

  Returns:
    `f64[s, n]`, larger where a row is more in-distribution.
  """
  from scipy import special

  run = partial(
    _moved, net, num_classes, stacked, preprocess, temperature, magnitude
  )
  (logits,) = in_batches(run, images, batch_size)
  # At a high temperature all probabilities are nearly the same, and in float32
  # rows that differ would tie.
  with np.errstate(invalid='ignore'):
    return special.log_softmax(np.float64(logits) / temperature, -1).max(-1)


@partial(jax.jit, static_argnames=('net', 'num_classes'))
def _moved(
  net: nn.Module,
  num_classes: int,
  stacked: Variables,
  preprocess: Preprocessing | None,
  temperature: float,
  magnitude: float,
  images: Array,
) -> tuple[Array]:
  """Logits `f[s, b, num_classes]` of moved inputs."""
  inputs = images if preprocess is None else preprocess(images)

  def logits(variables: Variables, x: Array) -> Array:
    return apply(net, variables, x).logits[:, :num_classes]

  def sureness(x: Array, variables: Variables) -> Array:
    z = logits(variables, x) / temperature
    return jax.nn.log_softmax(z).max(-1).sum()

  def one(variables: Variables) -> Array:
    uphill = jnp.sign(jax.grad(sureness)(inputs, variables))
    return logits(variables, inputs + magnitude * uphill)

  return (each(one, stacked),)
