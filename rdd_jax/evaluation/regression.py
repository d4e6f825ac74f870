"""Judging a set by ridge regression with a kernel in closed form."""

from __future__ import annotations

from collections.abc import Callable

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.batch import Batch
from rdd_jax.evaluation.judge import Held, summarise
from rdd_jax.evaluation.metrics import Row
from rdd_jax.evaluation.training import in_batches
from rdd_jax.kernels import Solution, solve
from rdd_jax.kernels.kernel import EXACT
from rdd_jax.losses import centred
from rdd_jax.preprocessing import Preprocessing


def evaluate_by_kernel(
  kernel: Callable[..., Array],
  batch: Batch,
  held: Held,
  *,
  num_classes: int,
  preprocess: Preprocessing,
  ridge: float = 1e-6,
  scale: float = 1.0,
  batch_size: int = 500,
) -> Row:
  """Metrics on held-out rows of the regression on `batch`; no seed is needed.

  Args:
    kernel: `k(x1, x2=None) -> f[n1, n2]`.
    batch: `n` rows, of what a network takes.
    held: the rows that it is judged on.
    num_classes: the number of classes.
    preprocess: from uint8 images to what the kernel takes.
    ridge: relative to the trace.
    scale: of the predictions, the temperature on the set's card.
    batch_size: images in flight.

  Returns:
    A summary of each metric, of one value.

  Raises:
    UserError: if the kernel matrix cannot be solved with.
  """
  solution = solve(
    kernel(batch.inputs),
    centred(batch.targets),
    ridge=ridge,
    weights=batch.weights,
  )
  logits = predict(
    kernel, batch, solution, held.images, preprocess, batch_size=batch_size
  )
  return summarise(scale * logits[None], held, num_classes)


def predict(
  kernel: Callable[..., Array],
  batch: Batch,
  solution: Solution,
  images: np.ndarray | Array,
  preprocess: Preprocessing | None = None,
  *,
  batch_size: int = 500,
) -> np.ndarray:
  """Centred predictions `f32[n, o]` of images, `batch_size` at a time."""

  @jax.jit
  def run(images: Array) -> tuple[Array]:
    x = images if preprocess is None else preprocess(images)
    cross = kernel(x, batch.inputs)
    found = jnp.matmul(cross, solution.coefficients, precision=EXACT)
    return (found[None],)

  return in_batches(run, images, batch_size)[0][0]
