"""Adversarial examples within a box around each pixel."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax.core import keys, naming
from rdd_jax.core.sharding import each
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables, apply

BATCH = 250  # images attacked at once


class Attack(NamedTuple):
  """Ascent of the cross-entropy in the L-infinity ball of each image.

  Attributes:
    name: of the metric.
    radius: of the ball, for pixels in [0, 1].
    steps: of signed gradients.
    step: the length of each.
    random: whether it starts at a random point of the ball.
  """

  name: str
  radius: float
  steps: int
  step: float
  random: bool


RADIUS = naming.Value(
  'radius', 2, 'above 0, in 255ths', lambda r: 0 < r < float('inf')
)
STEPS = naming.Value(
  'number of steps', 10, 'above 0', lambda n: n > 0, kind=int, default=10
)
ATTACKS = {'fgsm': (RADIUS,), 'pgd': (RADIUS, STEPS)}


def parse(spec: str) -> Attack:
  """Parses the name of an attack.

  | spec | what is done |
  |---|---|
  | `fgsm-E` | one step of E / 255 (Goodfellow et al. 2015, ICLR) |
  | `pgd-E`, `pgd-E-T` | T steps, 10 by default, of 2.5 E / T / 255, from a |
  | | random point of the ball (Madry et al. 2018, ICLR) |

  Args:
    spec: E is the radius, in 255ths of the range of a pixel.

  Raises:
    UserError: for a spec that is none.

  >>> attack = parse('pgd-2-5')
  >>> attack.name, attack.steps, round(255 * attack.step, 3)
  ('pgd_2_5', 5, 1.0)
  """
  kind, numbers = naming.parse('attack', spec, ATTACKS)
  name, radius = spec.replace('-', '_'), numbers[0] / 255
  if kind == 'fgsm':
    return Attack(name, radius, 1, radius, False)
  steps = numbers[1]
  return Attack(name, radius, steps, 2.5 * radius / steps, True)


def attacked(
  net: nn.Module,
  stacked: Variables,
  images: np.ndarray,
  labels: np.ndarray,
  attack: Attack,
  *,
  num_classes: int,
  preprocess: Preprocessing,
  key: Array,
) -> np.ndarray:
  """Returns logits on images that are made to mislead each network.

  Networks are in evaluation mode, and a reject class is not attacked.

  Args:
    net: the network.
    stacked: variables whose leaves are `[s, ...]`.
    images: `u8[n, H, W, C]`.
    labels: `i[n]`.
    attack: how.
    num_classes: the number of classes.
    preprocess: from pixels to network inputs; gradients pass through it.
    key: of random starts, which networks have in common.

  Returns:
    `f32[s, n, num_classes]`.
  """
  out = []
  size = min(BATCH, len(images))
  for i, start in enumerate(range(0, len(images), size)):
    # The last batch repeats the last row, so that there is only one shape.
    rows = np.minimum(np.arange(start, start + size), len(images) - 1)
    _, logits = mislead(
      net,
      stacked,
      jnp.asarray(images[rows], jnp.float32) / 255,
      jnp.asarray(labels[rows], jnp.int32),
      attack,
      num_classes,
      preprocess,
      jax.random.fold_in(keys.named(key, attack.name), i),
    )
    out.append(np.asarray(logits))
  return np.concatenate(out, 1)[:, : len(images)]


@partial(jax.jit, static_argnames=('net', 'attack', 'num_classes'))
def mislead(
  net: nn.Module,
  stacked: Variables,
  pixels: Array,
  labels: Array,
  attack: Attack,
  num_classes: int,
  preprocess: Preprocessing,
  key: Array,
) -> tuple[Array, Array]:
  """Attacks each image, and returns the worst pixels and the logits there.

  Of the image itself and all iterates, those of the largest loss: more steps
  do no less harm. Within the ball and [0, 1].

  Args:
    net: the network.
    stacked: variables whose leaves are `[s, ...]`.
    pixels: `f[n, H, W, C]` in [0, 1].
    labels: `i[n]`.
    attack: how.
    num_classes: the number of classes.
    preprocess: from pixels to network inputs.
    key: of the random start.

  Returns:
    Pixels `f[s, n, H, W, C]`, and logits `f[s, n, num_classes]` on them.
  """
  low = jnp.maximum(pixels - attack.radius, 0)
  high = jnp.minimum(pixels + attack.radius, 1)

  def one(variables: Variables) -> tuple[Array, Array]:
    def losses(x: Array) -> tuple[Array, tuple[Array, Array]]:
      logits = apply(net, variables, preprocess(x)).logits[:, :num_classes]
      rows = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
      return rows.sum(), (rows, logits)

    def keep(best: tuple, x: Array, rows: Array, logits: Array) -> tuple:
      worse = rows > best[0]
      return (
        jnp.where(worse, rows, best[0]),
        jnp.where(worse[:, None, None, None], x, best[1]),
        jnp.where(worse[:, None], logits, best[2]),
      )

    def step(state: tuple, _: None) -> tuple[tuple, None]:
      x, best = state
      (_, (rows, logits)), slope = jax.value_and_grad(losses, has_aux=True)(x)
      best = keep(best, x, rows, logits)
      return (
        jnp.clip(x + attack.step * jnp.sign(slope), low, high),
        best,
      ), None

    _, (rows, logits) = losses(pixels)
    best = rows, pixels, logits
    x = pixels
    if attack.random:
      x = low + (high - low) * keys.uniform(key, x.shape, x.dtype)
    (x, best), _ = jax.lax.scan(step, (x, best), None, attack.steps)
    _, (rows, logits) = losses(x)
    _, x, logits = keep(best, x, rows, logits)
    return x, logits

  return each(one, stacked)
