"""Who gets which corruption, and whom rows of a pair meet."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.images.corruptions import (
  arithmetic_mean,
  geometric_mean,
  in_turn,
  invert,
  noise_phase,
  one_of,
  paste,
  sequence,
)

KEY = jax.random.key(0)


def run(f, x) -> np.ndarray:
  return np.asarray(jax.jit(f)(KEY, x))


def over_keys(f, x, keys: int) -> np.ndarray:
  """`f[keys, n]`, for images of one pixel."""
  y = jax.jit(jax.vmap(f, (0, None)))(jax.random.split(KEY, keys), x)
  return np.asarray(y).reshape(keys, len(x))


def add(amount: float):
  return lambda key, x: x + amount


def pixels(*shape: int) -> np.ndarray:
  return np.random.default_rng(0).random(shape, np.float32)


@pytest.mark.parametrize('n', [1, 3, 8])
def test_one_of_deals_out_equal_numbers(n):
  x = np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1)
  y = over_keys(one_of(add(0.0), add(0.25), add(0.5)), x, 3000)
  kind = y - np.arange(n)  # so that rows came back in their places
  marks = kind[:, :, None] == np.array([0, 0.25, 0.5])
  counts = marks.sum(1)
  assert (counts.sum(1) == n).all()
  assert np.ptp(counts, axis=1).max() <= 1
  # For each row each kind is as likely: 5 standard errors are 0.043.
  np.testing.assert_allclose(marks.mean(0), 1 / 3, atol=0.043)


def test_one_of_computes_each_on_its_share_only():
  seen = []

  def spy(key, x):
    seen.append(len(x))
    return x

  jax.eval_shape(one_of(spy, spy, spy), KEY, pixels(50, 1, 1, 1))
  assert seen == [18, 18, 18]  # 16 and the two that are left over


def test_a_lone_row_has_company():
  def mean(key, x):
    return (x + jnp.roll(x, 1, axis=0)) / 2

  x = pixels(3, 2, 2, 1)
  for f in (one_of(*[mean] * 3), in_turn(*[mean] * 3, period=3)):
    assert (run(f, x) != x).any((1, 2, 3)).all()
  np.testing.assert_array_equal(run(one_of(mean), x[:1]), x[:1])


def test_in_turn_serves_slots():
  x = np.zeros((11, 1, 1, 1), np.float32)
  y = run(in_turn(add(0.25), add(0.5), add(0.75), period=5), x)
  quarters = [1, 2, 3, 1, 2, 1, 2, 3, 1, 2, 1]
  np.testing.assert_array_equal(4 * y.ravel(), quarters)
  few = run(in_turn(add(0.25), add(0.5), add(0.75), period=2), x[:4])
  np.testing.assert_array_equal(4 * few.ravel(), [1, 2, 1, 2])


def test_in_turn_gives_rows_back_in_their_places():
  x = np.arange(9, dtype=np.float32).reshape(9, 1, 1, 1)
  y = run(in_turn(add(0.25), add(0.5), period=3), x)
  quarters = np.array([1, 2, 1] * 3)
  np.testing.assert_array_equal(y.ravel(), np.arange(9) + quarters / 4)


def test_sequence_goes_in_order_with_a_key_for_each():
  x = pixels(2, 4, 4, 3)
  y = run(sequence(add(0.5), invert()), x)
  np.testing.assert_allclose(y, 0.5 - x, atol=1e-6)
  seen = []
  sequence(*[lambda key, x: seen.append(key) or x] * 2)(KEY, x)
  assert seen[0] != seen[1]


def test_it_runs_in_a_scan():
  f = one_of(noise_phase(), arithmetic_mean(), invert())

  def step(x, key):
    return f(key, x), None

  keys = jax.random.split(KEY, 2)
  x = pixels(9, 8, 8, 1)
  y = np.asarray(jax.jit(lambda x: jax.lax.scan(step, x, keys)[0])(x))
  assert y.shape == x.shape
  assert y.min() >= 0
  assert y.max() <= 1


@pytest.mark.parametrize('f', [one_of, sequence, lambda: in_turn(period=1)])
def test_nothing_to_combine_is_an_error(f):
  with pytest.raises(UserError, match='no corruption was given'):
    f()


def test_no_slot_is_an_error():
  with pytest.raises(UserError, match=r'period=0\): take the number of slots'):
    in_turn(invert(), period=0)


@pytest.mark.parametrize('n', [2, 7])
def test_pairs_never_meet_themselves(n):
  x = np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1) / n
  y = over_keys(arithmetic_mean(), x, 2000)
  other = np.round(n * 2 * y - np.arange(n)).astype(int)
  assert (np.sort(other, 1) == np.arange(n)).all()
  met = (other[:, :, None] == np.arange(n)).mean(0)
  assert (np.diag(met) == 0).all()
  uniform = (1 - np.eye(n)) / (n - 1)
  np.testing.assert_allclose(met, uniform, atol=0.06)


def test_means_of_pairs():
  x = pixels(20, 4, 4, 3)
  # One key has one derangement, whatever is done with the pairs.
  arithmetic, log, geometric = jax.jit(
    lambda x: (
      arithmetic_mean()(KEY, x),
      arithmetic_mean()(KEY, jnp.log(x)),
      geometric_mean()(KEY, x),
    )
  )(x)
  np.testing.assert_allclose(geometric, np.exp(log), atol=1e-5)
  assert (geometric <= arithmetic + 1e-6).all()
  assert arithmetic.mean() - geometric.mean() > 0.01


def test_a_row_alone_meets_itself():
  tiny = np.full((1, 2, 2, 1), 1e-4, np.float16)
  np.testing.assert_allclose(run(geometric_mean(), tiny), tiny, rtol=0.01)


def test_paste_is_a_box_of_another_row():
  n, h, w = 300, 20, 30
  x = jnp.broadcast_to(jnp.arange(n).reshape(n, 1, 1, 1) / n, (n, h, w, 1))
  pasted = (run(paste(), x) != np.asarray(x))[..., 0]
  rows, columns = pasted.any(2), pasted.any(1)
  assert (pasted == rows[:, :, None] & columns[:, None]).all()
  for line in (rows, columns):
    assert (np.abs(np.diff(np.pad(line, ((0, 0), (1, 1))))).sum(1) == 2).all()
    assert line[:, 0].any()
    assert line[:, -1].any()
  share = pasted.mean((1, 2))
  assert share.min() > 0.2 - 1 / 20 - 1 / 30  # sides are rounded down
  assert 0.5 < share.max() <= 0.6
  assert 0.35 < share.mean() < 0.4


def test_paste_leaves_something_of_a_narrow_image():
  x = np.tile(np.arange(64).reshape(64, 1, 1, 1), (1, 5, 1, 1))
  kept = (run(paste((0.9, 0.95)), x) == x).mean((1, 2, 3))
  assert ((kept > 0) & (kept < 1)).all()
