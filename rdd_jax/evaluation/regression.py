"""Evaluates a set by ridge regression, on kernels or on trained features."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.batch import Batch, take
from rdd_jax.core.losses import centered
from rdd_jax.core.streamed import Images
from rdd_jax.core.transform import Transform, identity
from rdd_jax.evaluation.evaluate import TestData, summarize
from rdd_jax.evaluation.metrics import Row
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.kernels import Solution, fit, solve
from rdd_jax.kernels.kernel import EXACT
from rdd_jax.training.fit import fit_many
from rdd_jax.training.predict import embed, in_batches
from rdd_jax.training.recipe import Recipe

KINDS = {'ntk': 'ntk', 'nngp': 'nngp'}  # by a kernel in closed form
CONJUGATE = 'conjugate'  # by the features of networks
REGRESSIONS = (*KINDS, CONJUGATE)


def evaluate_by_kernel(
  kernel: Callable[..., Array],
  batch: Batch,
  test: TestData,
  *,
  num_classes: int,
  preprocess: Preprocessing,
  ridge: float = 1e-6,
  scale: float = 1.0,
  batch_size: int = 500,
) -> Row:
  """Measures the regression on `batch` on test rows; no seed is needed.

  Args:
    kernel: `k(x1, x2=None) -> f[n1, n2]`.
    batch: `n` rows, of what a network takes.
    test: the rows that it is measured on.
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
    centered(batch.targets),
    ridge=ridge,
    weights=batch.weights,
  )
  logits = predict(
    kernel, batch, solution, test.images, preprocess, batch_size=batch_size
  )
  return summarize(scale * logits[None], test, num_classes)


def evaluate_by_features(
  net: nn.Module,
  batch: Batch,
  test: TestData,
  recipe: Recipe,
  *,
  num_classes: int,
  preprocess: Preprocessing,
  seeds: Array,
  student: Transform = identity(),
  ridge: float = 1e-6,
  scale: float = 1.0,
) -> Row:
  """Measures regression on the features of networks trained on `batch`.

  A network is trained, and its last layer replaced by the exact solution, which
  is how FRePo looks at a set.

  Args:
    net: the network to train.
    batch: `n` rows, of what it takes.
    test: the rows that it is measured on.
    recipe: how networks are trained.
    num_classes: the number of classes.
    preprocess: from uint8 images to what the network takes.
    seeds: typed keys `[s]`, one for each network.
    student: edits every minibatch.
    ridge: relative to the trace.
    scale: of the predictions.

  Returns:
    A summary of each metric.
  """
  stacked = fit_many(
    net,
    batch,
    recipe,
    num_classes=num_classes,
    input_shape=batch.inputs.shape[1:],
    seeds=seeds,
    student=student,
  )
  logits = []
  for one in range(seeds.shape[0]):
    variables = take(stacked, jnp.asarray(one))
    found = fit(
      jnp.asarray(embed(net, variables, batch.inputs)),
      centered(batch.targets),
      ridge=ridge,
      weights=batch.weights,
    )
    features = embed(net, variables, test.images, preprocess)
    logits.append(features @ np.asarray(found.coefficients))
  return summarize(scale * np.stack(logits), test, num_classes)


def predict(
  kernel: Callable[..., Array],
  batch: Batch,
  solution: Solution,
  images: Images,
  preprocess: Preprocessing | None = None,
  *,
  batch_size: int = 500,
) -> np.ndarray:
  """Predicts centered targets, `batch_size` images at a time.

  Args:
    kernel: `k(x1, x2=None) -> f[n1, n2]`.
    batch: `m` rows, of what a network takes.
    solution: of the regression on them.
    images: `[n, H, W, C]`.
    preprocess: from those to what the kernel takes.
    batch_size: images in flight.

  Returns:
    `f32[n, o]`.
  """

  @jax.jit
  def run(images: Array) -> tuple[Array]:
    x = images if preprocess is None else preprocess(images)
    cross = kernel(x, batch.inputs)
    found = jnp.matmul(cross, solution.coefficients, precision=EXACT)
    return (found[None],)

  return in_batches(run, images, batch_size)[0][0]
