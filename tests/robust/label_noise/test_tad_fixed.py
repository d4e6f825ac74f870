"""Laws of diversion: round by round, from a probe to a measure."""

from __future__ import annotations

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import Measure, empirical
from rdd_jax.core.transform import DataSpec, DataView, chain
from rdd_jax.images.preprocessing import standardize
from rdd_jax.robust import divert, oracle, probing
from rdd_jax.robust.label_noise.metrics import evidence
from rdd_jax.robust.label_noise.options import Diversion, as_described
from rdd_jax.robust.label_noise.record import LEFT_OUT, DivertState
from rdd_jax.robust.label_noise.relabel import Relabel
from rdd_jax.robust.label_noise.trust import Division
from rdd_jax.training.probe import probe

KEY = jax.random.key(0)
CLASSES, SHAPE, N = 3, (4, 4, 1), 240
RNG = np.random.default_rng(0)
TRUTH = np.arange(N) % CLASSES
CENTRES = RNG.integers(40, 216, (CLASSES, *SHAPE))
IMAGES = jnp.asarray(
  np.clip(CENTRES[TRUTH] + RNG.normal(0, 12, (N, *SHAPE)), 0, 255), jnp.uint8
)
WRONG = RNG.random(N) < 0.3
GIVEN = np.where(WRONG, (TRUTH + 1) % CLASSES, TRUTH)
SHORT = Diversion(warm_up=60, rounds=2, steps=60, batch_size=32)


def tad(recipe: Diversion = SHORT, **options):
  net = networks.build('mlp', CLASSES, width=16, depth=2)
  tx = optax.sgd(0.05, momentum=0.9)
  asked = probe(net, tx, SHAPE, CLASSES, decay=0.9)
  return divert(asked, standardize([0.5], [0.25]), CLASSES, recipe, **options)


def spec(n: int = N) -> DataSpec:
  return DataSpec(n, CLASSES, CLASSES, CLASSES, 0)


def prepared(
  transform, given: np.ndarray, key=KEY, state=None, measure=None
) -> tuple[Measure, DivertState]:
  data = DataView(IMAGES, jnp.asarray(given), lambda: pytest.fail('unasked'))
  state = transform.init(spec()) if state is None else state
  measure = empirical(given, CLASSES) if measure is None else measure
  return transform.prepare(measure, state, key=key, data=data)


@pytest.fixture(scope='module')
def noisy() -> tuple[Measure, DivertState]:
  return prepared(tad(), GIVEN)


def test_trust_is_right_and_stays_right_where_classes_are_apart(noisy):
  _, state = noisy
  found = evidence(state, GIVEN, TRUTH)
  assert (found.precision >= 0.95).all()
  assert (found.recall[1:] >= 0.9).all()
  assert found.relabelled[-1] >= 0.95
  assert found.noise[-1] <= 0.03


def test_relabelled_rows_move_cell_and_the_rest_stays(noisy):
  measure, state = noisy
  labels, trusted = np.asarray(state.labels[-1]), np.asarray(state.trusted[-1])
  out = labels == LEFT_OUT
  relabeled = ~out & ~trusted
  assert relabeled.any()
  np.testing.assert_array_equal(measure.weights, np.where(out, 0.0, 1.0))
  cells = np.asarray(measure.cells)
  np.testing.assert_array_equal(cells[~out], labels[~out])
  np.testing.assert_array_equal(cells[trusted], GIVEN[trusted])
  assert (cells[relabeled] != GIVEN[relabeled]).any()
  np.testing.assert_array_equal(measure.targets, np.eye(CLASSES)[cells])


def test_soft_targets_are_of_relabelled_rows_alone(noisy):
  _, hard = noisy
  measure, state = prepared(
    tad(SHORT._replace(relabel=SHORT.relabel._replace(soft=True))), GIVEN
  )
  labels, trusted = np.asarray(state.labels[-1]), np.asarray(state.trusted[-1])
  np.testing.assert_array_equal(trusted, hard.trusted[-1])
  targets, relabeled = np.asarray(measure.targets), ~trusted
  relabeled &= labels != LEFT_OUT
  np.testing.assert_array_equal(
    targets[trusted], np.eye(CLASSES)[GIVEN[trusted]]
  )
  np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-5)
  np.testing.assert_array_equal(targets[relabeled].argmax(1), labels[relabeled])
  assert isinstance(measure.targets, jax.Array)


def test_clean_labels_are_kept():
  _, state = prepared(tad(), TRUTH)
  assert np.asarray(state.trusted[-1]).mean() >= 0.8


def test_one_class_is_trusted():
  net = networks.build('mlp', 1, width=4, depth=1)
  asked = probe(net, optax.sgd(0.05), SHAPE, 1, decay=0.9)
  recipe = SHORT._replace(warm_up=5, rounds=1, steps=5)
  transform = divert(asked, standardize([0.5], [0.25]), 1, recipe)
  labels = jnp.zeros(N, jnp.int32)
  measure, state = transform.prepare(
    empirical(labels, 1),
    transform.init(DataSpec(N, 1, 1, 1, 0)),
    key=KEY,
    data=DataView(IMAGES, labels, lambda: pytest.fail('unasked')),
  )
  assert state.trusted[-1].all()
  assert (measure.weights == 1).all()


def test_a_class_of_wrong_labels_goes_elsewhere():
  """Every row called 0 is a 1, and all zeros are called 2."""
  given = np.array([2, 0, 2])[TRUTH]
  measure, state = prepared(tad(), given)
  chex.assert_tree_all_finite(measure)
  assert np.asarray(state.trusted[-1])[given == 0].sum() >= 20


def test_a_probe_that_diverges_says_so():
  net = networks.build('mlp', CLASSES, width=4, depth=1)
  asked = probe(net, optax.sgd(np.inf), SHAPE, CLASSES, decay=0.9)
  transform = divert(asked, standardize([0.5], [0.25]), CLASSES, SHORT)
  with pytest.raises(UserError, match='lower its learning_rate'):
    prepared(transform, GIVEN)


def test_another_transform_moves_no_randomness(noisy):
  alone = chain(trust=tad())
  both = chain(first=oracle(GIVEN), trust=tad())
  ours, _ = prepared(alone, GIVEN)
  theirs, _ = prepared(both, GIVEN)
  chex.assert_trees_all_equal(ours, theirs)


def test_a_later_preparation_goes_one_round_further_from_given_labels(noisy):
  transform = tad(later=1)
  measure, state = prepared(transform, GIVEN)
  key = jax.random.key(1)
  again, after = prepared(transform, GIVEN, key, state, measure)
  # What a checkpoint holds is all that matters.
  kept = jax.tree.map(np.array, (state, measure))
  resumed, _ = prepared(transform, GIVEN, key, *jax.tree.map(jnp.array, kept))
  chex.assert_trees_all_equal(resumed, again)
  assert int(after.round) == int(state.round) + 1
  chex.assert_trees_all_equal(after.weights, jnp.ones(N))
  np.testing.assert_array_equal(after.labels[:3], state.labels[:3])
  assert (after.labels[3] != state.labels[3]).any()
  found = evidence(after, GIVEN, TRUTH)
  assert found.precision[3] >= 0.95


def test_rows_that_were_left_out_before_stay_out():
  measure = empirical(GIVEN, CLASSES)
  measure = replace(measure, weights=measure.weights.at[:10].set(0.0))
  found, _ = prepared(tad(), GIVEN, measure=measure)
  assert (found.weights[:10] == 0).all()


@pytest.mark.slow
def test_the_described_form_runs_with_views_and_a_reject_output():
  def jitter(key, x):
    return x + 0.01 * jax.random.normal(key, x.shape)

  recipe = as_described(jitter)._replace(
    warm_up=30, rounds=1, steps=10, batch_size=32
  )
  net = networks.build('mlp', CLASSES + 1, width=16, depth=2)
  asked = probe(net, optax.sgd(0.05), SHAPE, CLASSES, decay=0.9)
  transform = divert(asked, standardize([0.5], [0.25]), CLASSES, recipe)
  data = DataView(IMAGES, jnp.asarray(GIVEN), lambda: pytest.fail('unasked'))
  measure, state = transform.prepare(
    empirical(GIVEN, CLASSES + 1),
    transform.init(DataSpec(N, CLASSES, CLASSES + 1, CLASSES, 0)),
    key=KEY,
    data=data,
  )
  assert measure.targets.shape == (N, CLASSES + 1)
  assert (measure.targets[:, -1] == 0).all()
  assert int(state.round) == 2


def test_probes_are_asked_for_their_mean():
  """Of the same probe twice that is the probe; of two, by hand."""
  net = networks.build('mlp', CLASSES, width=16, depth=2)
  preprocess = standardize([0.5], [0.25])
  asked = probe(net, optax.sgd(0.05), SHAPE, CLASSES, decay=0.9)
  measure = empirical(GIVEN, CLASSES)

  def opinion_of(*seeds):
    states = [asked.init(jax.random.key(seed)) for seed in seeds]
    state = jax.tree.map(lambda *x: jnp.stack(x), *states)
    return probing.ask(
      asked,
      preprocess,
      CLASSES,
      state,
      KEY,
      IMAGES,
      measure,
      views=0,
      view=None,
    )

  one, same = opinion_of(1), opinion_of(1, 1)
  chex.assert_trees_all_close(
    one._replace(features=()), same._replace(features=()), rtol=1e-5
  )
  np.testing.assert_array_equal(
    same.features, np.concatenate([one.features] * 2, 1)
  )
  other, both = opinion_of(2), opinion_of(1, 2)
  mean = (np.exp(-one.losses) + np.exp(-other.losses)) / 2
  np.testing.assert_allclose(np.exp(-both.losses), mean, rtol=1e-5)


@pytest.mark.slow
def test_each_probe_draws_and_starts_on_its_own():
  _, state = prepared(tad(SHORT._replace(probes=2, rounds=1)), GIVEN)
  for leaf in jax.tree.leaves(state.probe.average):
    assert leaf.shape[0] == 2
    assert (leaf[0] != leaf[1]).any()
  found = evidence(state, GIVEN, TRUTH)
  assert (found.precision >= 0.95).all()


def test_rows_may_count_by_their_probability():
  measure, state = prepared(tad(SHORT._replace(weigh=True)), GIVEN)
  mass, losses = np.asarray(measure.weights), np.asarray(state.losses)
  np.testing.assert_array_equal(mass, state.mass[-1])
  kept = np.asarray(measure.cells) == GIVEN
  np.testing.assert_allclose(mass[kept], np.exp(-losses[kept]), rtol=1e-5)
  assert (mass > 0).all()
  # Hardly anything of what counts is wrong, although nothing is left out.
  assert evidence(state, GIVEN, TRUTH).noise[-1] <= 0.03


def test_oracles_know():
  clean, _ = prepared(oracle(TRUTH), GIVEN)
  np.testing.assert_array_equal(clean.weights, GIVEN == TRUTH)
  everything, _ = prepared(oracle(TRUTH, relabel=True), GIVEN)
  chex.assert_trees_all_equal(everything, empirical(TRUTH, CLASSES))


@pytest.mark.parametrize(
  ('recipe', 'words'),
  [
    (Diversion(division=Division('agree')), 'agreement'),
    (Diversion(last=Division('both', 'los')), 'log_loss'),
    (Diversion(last=Division(threshold=2.0)), 'threshold=2.0'),
    (Diversion(relabel=Relabel('cosin')), 'mahalanobis'),
    (Diversion(relabel=Relabel(beyond=1.0)), 'beyond=1.0'),
    (Diversion(probes=0), 'at least 1'),
    (Diversion(views=2), 'views=2'),
    (Diversion(relabel=Relabel(fraction=-1.0)), 'fraction=-1.0'),
  ],
)
def test_bad_recipes_say_what_there_is(recipe, words):
  with pytest.raises(UserError, match=words):
    tad(recipe)
