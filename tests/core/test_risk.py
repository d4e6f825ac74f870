"""Laws of risks: they are worst cases, and their weights are gradients."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core import risk

RISKS = {
  'mean': risk.mean(),
  'equal': risk.equal(),
  'total': risk.total(),
  'worst': risk.worst(),
  'cvar': risk.cvar(0.3),
  'cvar_one': risk.cvar(1.0),
  'entropic': risk.entropic(0.7),
  'chi_square': risk.chi_square(0.7),
  'uniformly': risk.uniformly(risk.cvar(0.3)),
  'mix': risk.mix((0.4, risk.mean()), (0.6, risk.cvar(0.2))),
}
# A program for each and a number of groups: of single operations are many more.
ALL = {name: jax.jit(one) for name, one in RISKS.items()}
evaluate = jax.jit(risk.evaluate, static_argnums=0)
differentiated = jax.jit(
  jax.value_and_grad(risk.evaluate, argnums=1), static_argnums=0
)
COHERENT = [name for name in ALL if name != 'total']


def problem(seed: int, k: int = 9, empty: int = 0) -> tuple:
  rng = np.random.default_rng(seed)
  values = rng.normal(size=k).astype(np.float32)
  mass = rng.uniform(0.1, 3, k).astype(np.float32)
  mass[rng.permutation(k)[:empty]] = 0
  return values, mass


def primal(values: np.ndarray, mass: np.ndarray, tail: float) -> float:
  """Rockafellar and Uryasev: min over t of t + E[(L - t)+] / tail.

  Convex and piecewise linear in t, so its minimum lies on one of the losses.
  """
  p = mass.astype(np.float64) / mass.sum(dtype=np.float64)
  at = values[mass > 0].astype(np.float64)
  excess = np.maximum(values[None] - at[:, None], 0)
  return float(np.min(at + excess @ p / tail))


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('tail', [0.01, 0.2, 0.5, 0.93, 1.0])
def test_cvar_dual_equals_primal(seed, tail):
  values, mass = problem(seed, k=3 + 4 * seed, empty=seed % 3)
  value = risk.evaluate(risk.cvar(tail), values, mass)
  np.testing.assert_allclose(
    value, primal(values, mass, tail), rtol=1e-5, atol=1e-6
  )


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('tail', [0.05, 0.4, 1.0])
def test_cvar_weights_are_feasible(seed, tail):
  values, mass = problem(seed, k=50, empty=4)
  w = np.asarray(risk.cvar(tail)(values, mass))
  assert (w >= 0).all()
  assert (w <= mass / mass.sum() / tail * (1 + 1e-6)).all()


@pytest.mark.parametrize('seed', range(3))
def test_cvar_lies_between_mean_and_worst(seed):
  values, mass = problem(seed, empty=1)
  w = risk.cvar(1.0)(values, mass)
  np.testing.assert_allclose(w, risk.mean()(values, mass), atol=1e-6)
  w = risk.cvar(1e-4)(values, mass)
  np.testing.assert_allclose(w, risk.worst()(values, mass), atol=1e-6)
  risks = [
    float(risk.evaluate(risk.cvar(t), values, mass)) for t in (1, 0.5, 0.1)
  ]
  assert risks == sorted(risks)


@pytest.mark.parametrize('name', COHERENT)
@pytest.mark.parametrize('empty', [0, 3])
def test_weights_sum_to_one(name, empty):
  w = ALL[name](*problem(1, empty=empty))
  np.testing.assert_allclose(w.sum(), 1, rtol=1e-6)


def test_total_counts_the_groups_that_have_mass():
  values, mass = problem(0, empty=2)
  assert float(risk.total()(values, mass).sum()) == 7


@pytest.mark.parametrize('name', ALL)
@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('k', [9, 200])
def test_empty_groups_do_not_count_whatever_they_hold(name, bad, k):
  values, mass = problem(2, k=k, empty=k // 3)
  poisoned = np.where(mass > 0, values, bad)
  w = ALL[name](poisoned, mass)
  assert np.all(np.asarray(w)[mass == 0] == 0)
  np.testing.assert_array_equal(w, ALL[name](values, mass))
  chex.assert_tree_all_finite(differentiated(ALL[name], poisoned, mass))


@pytest.mark.parametrize('name', ALL)
def test_no_mass_at_all_is_zero_risk(name):
  values, mass = np.float32([1, np.nan]), np.zeros(2, np.float32)
  assert float(evaluate(ALL[name], values, mass)) == 0


@pytest.mark.parametrize('name', ALL)
@pytest.mark.parametrize('seed', range(3))
def test_permutation_equivariance(name, seed):
  values, mass = problem(seed, empty=2)
  order = np.random.default_rng(seed).permutation(9)
  w = np.asarray(ALL[name](values, mass))
  np.testing.assert_allclose(
    ALL[name](values[order], mass[order]), w[order], atol=1e-6
  )


@pytest.mark.parametrize('name', ALL)
def test_weights_do_not_depend_on_the_unit_of_mass(name):
  values, mass = problem(4, empty=1)
  np.testing.assert_allclose(
    ALL[name](values, mass), ALL[name](values, 1000 * mass), atol=1e-6
  )


@pytest.mark.parametrize('name', ALL)
def test_gradient_of_evaluate_is_the_weights(name):
  values, mass = problem(5, empty=1)
  _, grad = differentiated(ALL[name], values, mass)
  np.testing.assert_allclose(grad, ALL[name](values, mass), rtol=1e-6)
  assert np.all(np.asarray(grad)[mass == 0] == 0)


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('tail', [0.15, 0.6])
def test_cvar_gradient_is_that_of_the_primal(seed, tail):
  values, mass = problem(seed)
  grad = jax.grad(lambda v: risk.evaluate(risk.cvar(tail), v, mass))(
    jnp.asarray(values)
  )
  step = 1e-5 * np.eye(len(values))
  wide = values.astype(np.float64)
  numeric = [
    (primal(wide + h, mass, tail) - primal(wide - h, mass, tail)) / 2e-5
    for h in step
  ]
  np.testing.assert_allclose(grad, numeric, atol=1e-4)


def test_gradient_passes_through_live_losses():
  x = jnp.array([[1.0, 2.0], [-1.0, 0.5], [0.3, -2.0]])
  mass = jnp.ones(3)

  def value(theta):
    return risk.evaluate(risk.worst(), (x @ theta) ** 2, mass)

  theta = jnp.array([0.2, 0.9])
  worst = int(jnp.argmax((x @ theta) ** 2))
  expected = jax.grad(lambda t: (x[worst] @ t) ** 2)(theta)
  chex.assert_trees_all_close(jax.grad(value)(theta), expected, rtol=1e-6)


def test_entropic_is_the_gibbs_measure_and_has_its_limits():
  values, mass = problem(6)
  wide = values.astype(np.float64)
  gibbs = mass * np.exp((wide - wide.max()) / 0.7)
  w = risk.entropic(0.7)(values, mass)
  np.testing.assert_allclose(w, gibbs / gibbs.sum(), rtol=1e-5)
  hot, cold = risk.entropic(1e6), risk.entropic(1e-4)
  np.testing.assert_allclose(
    hot(values, mass), risk.mean()(values, mass), atol=1e-5
  )
  np.testing.assert_allclose(
    cold(values, mass), risk.worst()(values, mass), atol=1e-6
  )
  huge = risk.entropic(1.0)(1e30 * values, mass)
  chex.assert_tree_all_finite(huge)


def test_mix_is_linear():
  values, mass = problem(7, empty=2)
  mixed = risk.mix((0.3, risk.equal()), (1.7, risk.worst()))
  parts = 0.3 * risk.evaluate(risk.equal(), values, mass)
  parts += 1.7 * risk.evaluate(risk.worst(), values, mass)
  chex.assert_trees_all_close(
    risk.evaluate(mixed, values, mass), parts, rtol=1e-6
  )


def test_worst_of_equals_is_one_group():
  w = risk.worst()(jnp.array([1.0, 3.0, 3.0]), jnp.ones(3))
  np.testing.assert_array_equal(w, [0, 1, 0])


@pytest.mark.parametrize('tail', [0.0, -0.1, 1.1, float('nan')])
def test_cvar_refuses_a_tail_that_is_no_share(tail):
  with pytest.raises(ValueError, match=r'tail.*\(0, 1\]'):
    risk.cvar(tail)


@pytest.mark.parametrize('temperature', [0.0, -1.0])
def test_entropic_refuses_a_temperature_that_is_not_positive(temperature):
  with pytest.raises(ValueError, match='must be positive'):
    risk.entropic(temperature)


@pytest.mark.parametrize('name', ALL)
def test_risks_trace_and_batch(name):
  values, mass = problem(8, empty=1)
  stacked = np.stack([values, -values])
  batched = jax.jit(jax.vmap(RISKS[name], (0, None)))(stacked, mass)
  alone = RISKS[name](-values, mass)
  np.testing.assert_allclose(batched[1], alone, atol=1e-7)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('temperature', [0.05, 0.5, 20.0])
def test_chi_square_solves_its_program(seed, temperature):
  """Its conditions of optimality: w = p (1 + (L - eta) / t)+ for one eta."""
  values, mass = problem(seed, empty=seed % 3)
  w = np.asarray(risk.chi_square(temperature)(values, mass), np.float64)
  p = mass / mass.sum()
  np.testing.assert_allclose(w.sum(), 1, rtol=1e-5)
  assert (w[mass == 0] == 0).all()
  inside = w > 0
  slope = w[inside] / p[inside] - values[inside] / temperature
  np.testing.assert_allclose(slope, slope[0], rtol=1e-3, atol=1e-3)
  outside = (~inside) & (mass > 0)
  assert (1 + values[outside] / temperature + slope[0] - 1 <= 1e-3).all()


def test_chi_square_goes_from_the_mean_to_the_worst():
  values, mass = problem(3)
  np.testing.assert_allclose(
    risk.chi_square(1e6)(values, mass), risk.mean()(values, mass), atol=1e-5
  )
  np.testing.assert_allclose(
    risk.chi_square(1e-6)(values, mass), risk.worst()(values, mass), atol=1e-5
  )


@pytest.mark.parametrize('temperature', [0.0, -1.0])
def test_chi_square_needs_a_positive_temperature(temperature):
  with pytest.raises(ValueError, match='must be positive'):
    risk.chi_square(temperature)


def test_uniformly_asks_how_many_groups_and_not_how_many_rows():
  values = jnp.asarray([3.0, 2.0, 1.0, 0.0])
  mass = jnp.asarray([0.01, 0.01, 0.0, 8.0])
  half = risk.cvar(2 / 3)
  np.testing.assert_allclose(
    risk.evaluate(risk.uniformly(half), values, mass), 2.5
  )
  assert float(risk.evaluate(half, values, mass)) < 0.02
