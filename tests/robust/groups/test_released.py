"""Laws of the risk as released: it is the risk, and plain to the last bit."""

from __future__ import annotations

import chex
from distill_cases import CLASSES, IPC, build, gm, run
import jax
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.losses import cross_entropy
from rdd_jax.core.risk import cvar, equal, evaluate, mix, worst
from rdd_jax.core.transform import DataSpec, Scores, chain
from rdd_jax.robust import tilt, voronoi
from rdd_jax.robust.groups.released import observe

GROUPS = 3
PAPER = mix((0.5, equal()), (0.5, worst()))


def training(make):
  """The paper's chain, on the cells of the synthetic rows."""
  risk = make(PAPER, CLASSES * IPC, within=cvar(0.5), memory=8)
  return chain(cells=voronoi(CLASSES), risk=risk)


def test_distilling_is_plain_to_the_last_bit_and_without_the_cut_it_is_not():
  plain, losses, _ = run(build(gm(data='real')), 4)
  d = build(gm(data='real'), training=training(observe))
  control, same, _ = run(d, 4)
  chex.assert_trees_all_equal(control.params, plain.params)
  chex.assert_trees_all_equal(control.objective, plain.objective)
  np.testing.assert_array_equal(same, losses)
  tilted, other, _ = run(build(gm(data='real'), training=training(tilt)), 4)
  assert (np.asarray(other) != np.asarray(losses)).any()
  leaves = zip(
    *map(jax.tree.leaves, (tilted.objective, plain.objective)), strict=True
  )
  assert any((np.asarray(a) != np.asarray(b)).any() for a, b in leaves)


def rows(n: int = 24) -> Batch:
  rng = np.random.default_rng(0)
  labels = jnp.asarray(rng.integers(0, CLASSES, n), jnp.int32)
  return Batch(
    inputs=jnp.asarray(rng.normal(size=(n, 4, 4, 1)), jnp.float32),
    targets=jax.nn.one_hot(labels, CLASSES),
    weights=jnp.ones(n),
    cells=labels,
    groups=jnp.asarray(rng.integers(0, GROUPS, n), jnp.int32),
    index=jnp.arange(n, dtype=jnp.int32),
  )


def test_what_is_observed_is_the_nested_risk():
  batch = rows()
  losses = (batch.inputs**2).sum((1, 2, 3))
  t = observe(PAPER, GROUPS, within=cvar(0.5))
  new, state = t.update(
    batch,
    t.init(DataSpec(24, CLASSES, CLASSES, CLASSES, GROUPS)),
    key=None,
    score=lambda b: Scores(losses, None, None),
    synthetic=batch,
  )
  chex.assert_trees_all_equal(new, batch)
  mass = jnp.stack([(batch.groups == g) * 1.0 for g in range(GROUPS)])
  within = jnp.stack([evaluate(cvar(0.5), losses, m) for m in mass])
  expected = evaluate(PAPER, within, mass.sum(1))
  np.testing.assert_allclose(state.risk, expected, rtol=1e-5)


def test_the_released_sum_has_the_gradient_of_its_cross_entropy():
  """`CE + (risk - CE) + CE`, the risk a constant."""
  batch = rows()
  net = networks.build('mlp', CLASSES, width=6, depth=2)
  variables = net.init(jax.random.key(0), batch.inputs)

  def ce(variables):
    logits = net.apply(variables, batch.inputs).logits
    return cross_entropy(logits, batch, CLASSES)

  def total(variables):
    losses = ce(variables)
    value = losses.mean()
    mass = jnp.ones_like(losses)
    risk = jax.lax.stop_gradient(evaluate(cvar(0.2), losses, mass))
    return value + (risk - value) + value

  plain = jax.jit(jax.grad(lambda v: ce(v).mean()))(variables)
  chex.assert_trees_all_equal(jax.jit(jax.grad(total))(variables), plain)
  assert float(total(variables)) > float(ce(variables).mean())
  assert float(optax.tree.norm(plain)) > 0
