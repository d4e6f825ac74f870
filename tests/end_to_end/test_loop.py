"""A loop of one's own: it prepares, distils, saves and judges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import rdd_jax
from rdd_jax import data, networks
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import draw, empirical
from rdd_jax.core.transform import DataSpec, DataView, EmptyState, from_prepare
from rdd_jax.images import preprocessing
from rdd_jax.synthetic import view as synthetic


def trusting(least: float) -> rdd_jax.Transform:
  """Leaves out rows that a probe finds hard, or all of class 0 without one."""

  def prepare(measure, state, *, key, data):
    out = data.score_all().losses > least if least else data.labels == 0
    return replace(measure, weights=jnp.where(out, 0.0, 1.0)), state

  return from_prepare(lambda spec: EmptyState(), prepare)


def start(transform: rdd_jax.Transform):
  """A distiller of digits, its state before `prepare`, and what it is of."""
  digits = data.load('digits')
  normalize = preprocessing.fit(digits.train_images)
  net = networks.build('mlp', num_outputs=10, width=16)
  cells = synthetic.layout(num_classes=10, ipc=1)
  targets = synthetic.hard_targets(cells, num_classes=10, num_outputs=10)
  view = synthetic.view(cells, targets)
  objective = rdd_jax.distribution_matching(
    net, (8, 8, 1), num_cells=10, real_rows=8, synthetic_rows=1
  )
  method = rdd_jax.distiller(
    objective, optax.sgd(1.0), view, transform=transform
  )
  images = jax.random.normal(jax.random.key(1), (10, 8, 8, 1))
  state = method.init(
    jax.random.key(0),
    DataSpec(len(digits.train_labels), 10, 10, num_cells=10, num_groups=0),
    synthetic.Synthetic(images, logits=None),
    empirical(digits.train_labels, num_outputs=10),
  )
  return digits, normalize, view, method, state


def test_a_script_from_data_to_a_number(tmp_path: Path):
  digits, normalize, view, method, state = start(trusting(0.0))
  images = jnp.asarray(digits.train_images)
  labels = jnp.asarray(digits.train_labels)
  state = method.prepare(state, DataView(images, labels))
  np.testing.assert_array_equal(state.measure.weights > 0, labels != 0)

  @jax.jit
  def step(state):
    key = jax.random.fold_in(jax.random.key(2), state.step)
    real = draw(key, images, state.measure, 80)
    return method.update(state, replace(real, inputs=normalize(real.inputs)))

  for _ in range(3):
    state, metrics = step(state)
  assert np.isfinite(metrics['loss'])

  rows = view(state.params)
  artifact = rdd_jax.adopt(
    normalize.inverse(rows.inputs),
    rows.targets,
    digits,
    cells=rows.cells,
    weights=rows.weights,
    preprocessing=normalize,
    network='mlp:width=16',
    evaluation={'epochs': 5},
  )
  rdd_jax.save(tmp_path / 'mine', artifact)
  found = rdd_jax.load(tmp_path / 'mine')
  rows = view(state.params)
  np.testing.assert_allclose(
    normalize(jnp.asarray(found.images)), rows.inputs, atol=1e-5
  )
  assert rdd_jax.judge(found, seeds=1)['accuracy']['n'] == 1
  assert rdd_jax.fit('', found).predict(digits.test_images).shape == (500,)


def test_a_transform_that_scores_says_what_it_lacks():
  digits, *_, method, state = start(trusting(1.0))
  view = DataView(digits.train_images, digits.train_labels)
  with pytest.raises(UserError, match=r'pass DataView\(images, labels, score_'):
    method.prepare(state, view)
