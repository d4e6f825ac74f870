"""Targets of hard labels are the rows of the identity that they stand for."""

from __future__ import annotations

from dataclasses import replace
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax.core.measure import by_cell, draw, draw_minibatches, empirical
from rdd_jax.core.onehot import OneHot, dense

CLASSES = np.array([2, 0, 1, -1, 2, 5])
ROWS = (
  slice(1, 4),
  np.array([4, 0, 0]),
  3,
  (slice(None), 2),
  (np.array([1, 2]), slice(0, 2)),
)


@pytest.mark.parametrize('rows', ROWS)
def test_rows_are_those_of_the_whole(rows):
  targets = OneHot(jnp.asarray(CLASSES), 4)
  whole = (CLASSES[:, None] == np.arange(4)).astype(np.float32)
  assert targets.shape == whole.shape
  np.testing.assert_array_equal(np.asarray(targets), whole)
  np.testing.assert_array_equal(targets[rows], whole[rows])
  np.testing.assert_array_equal(
    jax.jit(lambda t: t[rows])(targets), whole[rows]
  )


def test_it_is_taken_as_the_array_that_it_stands_for():
  targets = OneHot(jnp.asarray([2, 0, 1]), 3)
  whole = np.eye(3, dtype=np.float32)[[2, 0, 1]]
  assert len(targets) == targets.ndim + 1 == 3
  assert targets.dtype == whole.dtype
  weights = jnp.asarray(np.random.default_rng(0).random((3, 3), np.float32))
  for f in (
    lambda t: np.stack(list(t)),
    lambda t: t.sum(0),
    lambda t: t.at[0, 1].set(2.0),
    lambda t: jnp.argmax(t, 1),
    lambda t: jnp.where(weights > 0.5, t, 0.0),
    lambda t: t @ weights,
    lambda t: weights * t,
    lambda t: t == weights.round(),
    lambda t: optax.softmax_cross_entropy(weights, t),
  ):
    np.testing.assert_array_equal(f(targets), f(jnp.asarray(whole)))
  again = pickle.loads(pickle.dumps(targets))
  np.testing.assert_array_equal(again[:], whole)
  with pytest.raises(AttributeError):
    targets.no_such_method()


def test_draws_are_those_from_an_array():
  labels = np.random.default_rng(0).integers(0, 4, 40)
  measure, key = empirical(labels, 5), jax.random.key(3)
  given = replace(measure, targets=dense(measure.targets))
  images = jnp.arange(40.0)
  for strata in (None, by_cell(4)):
    one = draw(key, images, measure, 8, strata)
    other = draw(key, images, given, 8, strata)
    jax.tree.map(np.testing.assert_array_equal, one, other)
  one = draw_minibatches(key, images, measure, 3, 5)
  other = draw_minibatches(key, images, given, 3, 5)
  assert one.targets.shape == other.targets.shape == (3, 5, 5)
  np.testing.assert_array_equal(np.asarray(one.targets), other.targets)


def test_an_epoch_of_many_classes_takes_no_number_for_each():
  measure = empirical(np.zeros(1000, np.int32), 1000)
  drawn = jax.eval_shape(
    lambda key: draw_minibatches(key, jnp.zeros(1000), measure, 10, 100),
    jax.random.key(0),
  )
  sizes = [leaf.size for leaf in jax.tree.leaves((measure, drawn))]
  assert max(sizes) == 1000
