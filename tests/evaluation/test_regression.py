"""Judging by regression, labels on the card, and resuming with a pool."""

from __future__ import annotations

from pathlib import Path

import chex
from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax import kernels, networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.errors import UserError
from rdd_jax.core.losses import SquaredError, centered
from rdd_jax.core.measure import empirical
from rdd_jax.core.risk import mean
from rdd_jax.core.transform import DataSpec
from rdd_jax.distill import distiller
from rdd_jax.evaluation.evaluate import TestData
from rdd_jax.evaluation.regression import (
  evaluate_by_features,
  evaluate_by_kernel,
)
from rdd_jax.images import preprocessing
from rdd_jax.objectives import Inner, frepo, pool, regression_matching
from rdd_jax.runtime import checkpoint
from rdd_jax.synthetic.view import Synthetic, hard_targets, layout, view
from rdd_jax.training.fit import fit
from rdd_jax.training.predict import embed
from rdd_jax.training.recipe import Recipe

CLASSES, SHAPE = 3, (4, 4, 1)
RNG = np.random.default_rng(0)
LABELS = np.arange(30) % CLASSES
IMAGES = RNG.integers(0, 120, (30, *SHAPE)) + 60 * LABELS[:, None, None, None]
HELD = TestData(IMAGES.astype(np.uint8), LABELS)
PREPROCESS = preprocessing.fit(HELD.images)
NET = networks.build('mlp', CLASSES, width=8, depth=2)


def support(targets=None) -> Batch:
  cells = jnp.arange(6) % CLASSES
  return batch_of(
    inputs=PREPROCESS(jnp.asarray(HELD.images[:6])),
    targets=jax.nn.one_hot(cells, CLASSES) if targets is None else targets,
    weights=jnp.array([1, 1, 1, 1, 1, 0.5]),
    cells=cells,
    index=jnp.arange(6),
  )


def by_hand(gram, cross, ridge):
  s = support()
  w, y = np.asarray(s.weights), np.asarray(centered(s.targets))
  r = ridge * (w * np.diag(gram)).sum() / w.sum()
  return cross @ np.linalg.solve(gram + r * np.diag(1 / w), y)


def test_accuracy_by_the_kernel_is_that_of_numpy():
  kernel = kernels.fully_connected(1)
  found = evaluate_by_kernel(
    lambda *x: kernel(*x).ntk,
    support(),
    HELD,
    num_classes=CLASSES,
    preprocess=PREPROCESS,
    ridge=0.1,
    batch_size=7,
  )
  x, s = PREPROCESS(jnp.asarray(HELD.images)), support()
  gram, cross = kernel(s.inputs).ntk, kernel(x, s.inputs).ntk
  logits = by_hand(np.asarray(gram, np.float64), np.asarray(cross), 0.1)
  accuracy = (logits.argmax(1) == LABELS).mean()
  assert 0.4 < accuracy < 1
  np.testing.assert_allclose(found['accuracy']['mean'], accuracy)


def test_the_conjugate_kernel_is_that_of_a_trained_network():
  recipe = Recipe(steps=3, losses=SquaredError())
  key = jax.random.key(1)
  found = evaluate_by_features(
    NET,
    support(),
    HELD,
    recipe,
    num_classes=CLASSES,
    preprocess=PREPROCESS,
    seeds=key[None],
    ridge=0.1,
  )
  variables = fit(
    NET, support(), recipe, num_classes=CLASSES, input_shape=SHAPE, key=key
  )
  phi = embed(NET, variables, support().inputs)
  test = embed(NET, variables, HELD.images, PREPROCESS)
  accuracy = (
    by_hand(phi @ phi.T, test @ phi.T, 0.1).argmax(1) == LABELS
  ).mean()
  np.testing.assert_allclose(found['accuracy']['mean'], accuracy)


def test_a_set_that_cannot_be_regressed_on_says_so():
  with pytest.raises(UserError, match='ridge regression failed'):
    evaluate_by_kernel(
      lambda a, b=None: jnp.full((6, 6), jnp.nan),
      support(),
      HELD,
      num_classes=CLASSES,
      preprocess=PREPROCESS,
    )


@pytest.mark.slow
def test_a_pool_is_in_the_checkpoint(tmp_path: Path):
  """A resumed run picks, trains and renews the same networks."""
  inner = Inner(optax.adam(1e-2), 1, 99, losses=SquaredError())
  networks_ = pool(NET, inner, SHAPE, CLASSES, size=3, lifetime=2)
  cells = layout(CLASSES, 1)
  targets = hard_targets(cells, CLASSES, CLASSES)
  d = distiller(
    regression_matching(frepo(NET, networks_), CLASSES, CLASSES),
    optax.lamb(1e-2),
    view(cells, targets, num_classes=CLASSES, free=True),
    risk=mean(),
  )
  params = Synthetic(support().inputs[:3], jnp.asarray(targets))
  spec = DataSpec(30, CLASSES, CLASSES, CLASSES, 0)
  measure = empirical(LABELS, CLASSES)
  state = jax.jit(d.init, static_argnums=1)(
    jax.random.key(0), spec, params, measure
  )
  update = jax.jit(d.update)
  for _ in range(4):
    state, _ = update(state, support())
  checkpoint.save(tmp_path, 4, state)
  restored = checkpoint.restore_latest(tmp_path, state)
  assert restored is not None
  again = restored[1]
  for _ in range(4):
    state, _ = update(state, support())
    again, _ = update(again, support())
  plain = [
    jax.tree.map(np.asarray, (s.params, s.objective)) for s in (state, again)
  ]
  chex.assert_trees_all_equal(*plain)
