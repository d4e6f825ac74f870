"""Laws of gates, of transforms in a scan, and of those of one kind."""

from __future__ import annotations

import chex
from core.gates_cases import (
  KEY,
  SPEC,
  append,
  call,
  counter,
  noise,
  rows,
  score,
  view,
)
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.batch import NOWHERE, take
from rdd_jax.core.gates import after, every
from rdd_jax.core.measure import empirical
from rdd_jax.core.transform import BoundTransform, chain, from_update

GATES = {
  'after': (lambda t: after(3, t), [False, False, False, True, True]),
  'every': (lambda t: every(2, t), [True, False, True, False, True]),
}


@pytest.mark.parametrize('gate', GATES)
def test_gates_act_when_they_say(gate):
  make, active = GATES[gate]
  t = make(counter())
  update = jax.jit(lambda batch, state: call(t, state, batch))
  state = t.init(SPEC)
  for step, acts in enumerate(active):
    batch, state = update(rows(), state)
    np.testing.assert_array_equal(batch.weights, 2.0 if acts else 1.0)
    assert int(state.count) == step + 1
  assert int(state.inner['updates']) == sum(active)


@pytest.mark.parametrize('gate', GATES)
def test_resting_gates_mask_the_rows_that_would_be_appended(gate):
  make, active = GATES[gate]
  t = make(append(4))
  update = jax.jit(lambda batch, state: call(t, state, batch))
  state = t.init(SPEC)
  for acts in active:
    batch, state = update(rows(), state)
    chex.assert_tree_shape_prefix(batch, (10,))
    chex.assert_trees_all_equal(take(batch, np.arange(6)), rows())
    if acts:
      chex.assert_trees_all_equal(batch.inputs[6:], rows().inputs[:4])
      np.testing.assert_array_equal(batch.weights[6:], 1)
    else:
      np.testing.assert_array_equal(batch.weights[6:], 0)
      np.testing.assert_array_equal(batch.index[6:], NOWHERE)
      chex.assert_tree_all_finite(batch)
  assert update._cache_size() == 1


@pytest.mark.parametrize('gate', GATES)
def test_gates_thread_prepare(gate):
  make, active = GATES[gate]
  t = make(counter())
  state, measure = t.init(SPEC), empirical(jnp.zeros(20), 3)
  for acts in active:
    prepared, new = t.prepare(measure, state, key=KEY, data=view())
    np.testing.assert_array_equal(prepared.weights, 2.0 if acts else 1.0)
    assert new.inner['prepares'] == int(acts)
    _, state = call(t, state)


def test_gates_stand_in_chains():
  t = chain(late=after(1, append(1)), noise=noise())
  batch, state = call(t, t.init(SPEC))
  assert float(batch.weights.sum()) == 6
  batch, _ = call(t, state)
  assert float(batch.weights.sum()) == 7


def test_edit_is_a_transform_and_its_state():
  t = chain(count=counter(), noise=noise())
  edit = BoundTransform(t.init(SPEC), t)
  assert len(jax.tree.leaves(edit)) == len(jax.tree.leaves(t.init(SPEC)))
  batch, after_one = edit(rows(), key=KEY, score=score, synthetic=rows(2))
  expected, state = call(t, t.init(SPEC))
  chex.assert_trees_all_equal(batch, expected)
  chex.assert_trees_all_equal(after_one.state, state)
  assert int(edit.state['count']['updates']) == 0  # The old one is untouched.


def test_a_scan_carries_an_edit():
  t = chain(late=after(2, append(2)), noise=noise())
  keys = jax.random.split(KEY, 4)

  def step(edit, key):
    batch, edit = edit(rows(), key=key, score=score, synthetic=rows(2))
    return edit, batch

  end, batches = jax.jit(lambda e: jax.lax.scan(step, e, keys))(
    BoundTransform(t.init(SPEC), t)
  )
  assert int(end.state['late'].count) == 4
  np.testing.assert_array_equal(batches.weights.sum(1), [6, 6, 8, 8])


def test_from_update_leaves_the_measure():
  t = from_update(counter().init, counter().update)
  measure = empirical(jnp.zeros(20), 3)
  same, _ = t.prepare(measure, t.init(SPEC), key=KEY, data=view())
  chex.assert_trees_all_equal(same, measure)
