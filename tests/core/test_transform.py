"""Laws of transforms: chains by name, gates, and edits carried by a scan."""

from __future__ import annotations

from dataclasses import replace

import chex
from core.gates_cases import (
  KEY,
  SPEC,
  append,
  call,
  counter,
  noise,
  rows,
  view,
)
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.keys import named
from rdd_jax.core.measure import empirical
from rdd_jax.core.transform import (
  EmptyState,
  chain,
  identity,
  stateless,
)


def test_identity_leaves_everything():
  batch, state = call(identity(), identity().init(SPEC))
  chex.assert_trees_all_equal(batch, rows())
  assert state == EmptyState()
  measure = empirical(jnp.zeros(20), 3)
  prepared, _ = identity().prepare(measure, state, key=KEY, data=view())
  chex.assert_trees_all_equal(prepared, measure)


def test_chain_composes_in_order():
  double = stateless(lambda b, **_: replace(b, inputs=b.inputs * 2))
  plus = stateless(lambda b, **_: replace(b, inputs=b.inputs + 1))
  x = rows().inputs
  for chained, expected in [
    (chain(plus=plus, double=double), (x + 1) * 2),
    (chain(double=double, plus=plus), x * 2 + 1),
  ]:
    batch, _ = call(chained, chained.init(SPEC))
    chex.assert_trees_all_close(batch.inputs, expected)


def test_chain_of_one_has_the_key_of_its_name():
  t = chain(poe=noise())
  chained, _ = call(t, t.init(SPEC))
  alone, _ = call(noise(), EmptyState(), key=named(KEY, 'poe'))
  chex.assert_trees_all_equal(chained, alone)


@pytest.mark.parametrize('place', ['before', 'after'])
def test_inserting_a_transform_moves_no_others_randomness(place):
  """Zero noise draws from its key, and changes nothing else."""
  a, b, silent = noise(), noise(2.0), noise(0.0)
  without = chain(a=a, b=b)
  inserted = (
    chain(silent=silent, a=a, b=b)
    if place == 'before'
    else chain(a=a, silent=silent, b=b)
  )
  expected, _ = call(without, without.init(SPEC))
  batch, _ = call(inserted, inserted.init(SPEC))
  chex.assert_trees_all_equal(batch, expected)


def test_same_transform_twice_draws_twice():
  t = chain(first=noise(), second=noise())
  batch, _ = call(t, t.init(SPEC))
  alone, _ = call(chain(first=noise()), {'first': EmptyState()})
  moved = batch.inputs - alone.inputs
  assert not np.allclose(moved, alone.inputs - rows().inputs)


def test_a_later_transform_scores_the_rows_of_an_earlier_one():
  def fn(batch, *, key, score, synthetic):
    del key, synthetic
    return replace(batch, weights=score(batch).losses)

  t = chain(more=append(2), scored=stateless(fn))
  batch, _ = call(t, t.init(SPEC))
  x = rows().inputs
  np.testing.assert_allclose(
    batch.weights, jnp.concatenate([x, x[:2]]).sum(1), rtol=1e-6
  )


def test_a_foreign_state_is_refused_by_both_names():
  ours, theirs = chain(groups=identity(), poe=noise()), chain(poe=noise())
  message = r'chain\(groups, poe\) was given the state of chain\(poe\)'
  with pytest.raises(ValueError, match=message):
    call(ours, theirs.init(SPEC))
  with pytest.raises(ValueError, match=message):
    ours.prepare(
      empirical(jnp.zeros(20), 3), theirs.init(SPEC), key=KEY, data=view()
    )
  with pytest.raises(ValueError, match=r'chain\(EmptyState\)'):
    call(ours, EmptyState())


def test_chain_accepts_the_state_that_jit_hands_back():
  t = chain(z=counter(), a=noise())
  update = jax.jit(lambda batch, state: call(t, state, batch))
  batch, state = update(rows(), t.init(SPEC))
  assert list(state) == ['a', 'z']  # Sorted: jit keeps no order of names.
  again, state = update(batch, state)
  eager, expected = call(t, t.init(SPEC))
  eager, expected = call(t, expected, eager)
  chex.assert_trees_all_close(again, eager, rtol=1e-6)
  assert int(state['z']['updates']) == int(expected['z']['updates']) == 2
  # The order is that of the chain, not of the state.
  chex.assert_trees_all_equal(again.weights, 4 * rows().weights)


def test_prepare_threads_measure_and_state_through_the_chain():
  t = chain(a=counter(), b=identity(), c=counter())
  measure, state = t.prepare(
    empirical(jnp.zeros(20), 3), t.init(SPEC), key=KEY, data=view()
  )
  np.testing.assert_array_equal(measure.weights, 4)
  assert state['a']['prepares'] == state['c']['prepares'] == 1


def test_prepare_draws_by_name():
  def prepare(measure, state, *, key, data):
    del data
    weights = measure.weights + jax.random.uniform(key, measure.weights.shape)
    return replace(measure, weights=weights), state

  jitter = identity()._replace(prepare=prepare)
  measure = empirical(jnp.zeros(20), 3)

  def weights(t):
    return t.prepare(measure, t.init(SPEC), key=KEY, data=view())[0].weights

  chex.assert_trees_all_equal(
    weights(chain(jitter=jitter)), weights(chain(a=noise(), jitter=jitter))
  )


def test_chains_nest():
  t = chain(outer=chain(inner=noise()), flat=noise())
  batch, state = call(t, t.init(SPEC))
  key = named(named(KEY, 'outer'), 'inner')
  first, _ = call(noise(), EmptyState(), key=key)
  both, _ = call(noise(), EmptyState(), first, named(KEY, 'flat'))
  chex.assert_trees_all_equal(batch, both)
  assert state.keys() == {'outer', 'flat'}
