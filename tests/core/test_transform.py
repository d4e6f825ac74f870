"""Laws of transforms: chains by name, gates, and edits carried by a scan."""

from __future__ import annotations

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.batch import NOWHERE, Batch, concat, take
from rdd_jax.core.keys import named
from rdd_jax.core.measure import empirical
from rdd_jax.core.transform import (
  BoundTransform,
  DataSpec,
  DataView,
  EmptyState,
  Scores,
  Transform,
  after,
  chain,
  every,
  from_update,
  identity,
  stateless,
)

SPEC = DataSpec(
  num_examples=20, num_classes=3, num_outputs=3, num_cells=4, num_groups=2
)
KEY = jax.random.key(7)


def rows(n: int = 6, seed: int = 0) -> Batch:
  rng = np.random.default_rng(seed)
  labels = jnp.asarray(rng.integers(0, 3, n), jnp.int32)
  return Batch(
    inputs=jnp.asarray(rng.normal(size=(n, 2)), jnp.float32),
    targets=jax.nn.one_hot(labels, 3),
    weights=jnp.ones(n),
    cells=labels,
    groups=labels % 2,
    index=jnp.arange(n, dtype=jnp.int32),
  )


def score(batch: Batch) -> Scores:
  return Scores(batch.inputs.sum(1), batch.inputs, batch.targets)


def call(t: Transform, state, batch: Batch | None = None, key=KEY) -> tuple:
  batch = rows() if batch is None else batch
  return t.update(batch, state, key=key, score=score, synthetic=rows(2, 9))


def noise(scale: float = 1.0) -> Transform:
  def fn(batch, *, key, score, synthetic):
    del score, synthetic
    shift = scale * jax.random.normal(key, batch.weights.shape)
    return replace(batch, inputs=batch.inputs + shift[:, None])

  return stateless(fn)


def append(n: int) -> Transform:
  """Appends the first `n` rows again, in cell 3."""

  def fn(batch, *, key, score, synthetic):
    del key, score, synthetic
    again = take(batch, jnp.arange(n))
    return concat(batch, replace(again, cells=jnp.full_like(again.cells, 3)))

  return stateless(fn)


def counter() -> Transform:
  """Counts its calls, of either kind, and leaves marks of them."""

  def init(spec):
    del spec
    return {'updates': jnp.zeros([], jnp.int32), 'prepares': 0}

  def prepare(measure, state, *, key, data):
    del key, data
    measure = replace(measure, weights=measure.weights * 2)
    return measure, {**state, 'prepares': state['prepares'] + 1}

  def update(batch, state, *, key, score, synthetic):
    del key, score, synthetic
    state = {**state, 'updates': state['updates'] + 1}
    return replace(batch, weights=batch.weights * 2), state

  return Transform(init, prepare, update)


def view() -> DataView:
  return DataView(
    images=jnp.zeros((20, 2, 2, 1), jnp.uint8),
    labels=jnp.zeros(20, jnp.int32),
    score_all=lambda: pytest.fail('nothing here scores the whole set'),
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
  ours, theirs = chain(groups=identity(), poe=identity()), chain(poe=noise())
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
