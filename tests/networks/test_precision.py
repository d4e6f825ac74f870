"""Networks that compute in bfloat16, of float32 variables."""

from __future__ import annotations

from pathlib import Path

from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.config.presets import digits
from rdd_jax.core.errors import UserError
from rdd_jax.experiment.experts.buffer import buffer
from rdd_jax.networks import functional
from rdd_jax.networks.moments import apply_with_moments
from rdd_jax.training import sgd

SHAPE = (8, 8, 3)
SMALL = {
  'convnet': {'width': 16, 'depth': 2, 'norm': 'batch'},
  'mlp': {'width': 16},
  'vit': {'width': 16, 'depth': 1},
}
# Of a logit's spread: products keep 8 bits, a relative error of 1/256.
TOLERANCE = 0.05


def pair(name: str):
  options = SMALL[name]
  wide = networks.build(name, 10, **options)
  narrow = networks.build(name, 10, dtype='bfloat16', **options)
  return wide, narrow, networks.init(wide, jax.random.key(0), SHAPE)


def images(n: int = 16):
  drawn = np.random.default_rng(0).standard_normal((n, *SHAPE))
  return jnp.asarray(drawn, jnp.float32)


def same_types(tree) -> bool:
  return all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize('name', SMALL)
def test_logits_are_nearly_those_of_float32(name: str):
  wide, narrow, variables = pair(name)
  fresh = networks.init(narrow, jax.random.key(0), SHAPE)
  assert jax.tree.all(jax.tree.map(jnp.array_equal, fresh, variables))
  full, half = (
    jax.jit(net.apply)(variables, images()).logits for net in (wide, narrow)
  )
  assert half.dtype == jnp.float32
  error = float(jnp.abs(full - half).max() / full.std())
  assert 0 < error < TOLERANCE  # 0 would be float32


def test_products_are_in_bfloat16_and_moments_in_float32():
  _, narrow, variables = pair('convnet')
  text = str(jax.make_jaxpr(narrow.apply)(variables, images()))
  products = [
    line
    for line in text.splitlines()
    if 'dot_general' in line or 'conv_general' in line
  ]
  assert products
  assert all('bf16' in line for line in products)
  _, seen = apply_with_moments(narrow, variables, images())
  assert same_types(seen)
  _, statistics = functional.apply_with_statistics(narrow, variables, images())
  assert same_types(statistics)


def test_what_is_trained_stays_float32():
  """Parameters, batch statistics, gradients and the optimizer's state."""
  wide, narrow, variables = pair('convnet')
  rows = batch_of(
    inputs=images(),
    targets=jax.nn.one_hot(jnp.arange(16) % 10, 10),
    cells=jnp.arange(16) % 10,
  )
  tx = optax.sgd(0.1, momentum=0.9)
  start = sgd.Learner(variables, tx.init(variables['params']))
  full, half = (
    jax.jit(sgd.step, static_argnums=(0, 1, 4))(net, tx, start, rows, 10)
    for net in (wide, narrow)
  )
  assert same_types(half)
  assert jax.tree.structure(half) == jax.tree.structure(full)
  moved = optax.tree.norm(
    optax.tree.sub(full.variables['params'], variables['params'])
  )
  apart = optax.tree.norm(
    optax.tree.sub(full.variables['params'], half.variables['params'])
  )
  assert 0 < float(apart) < 2 * TOLERANCE * float(moved)


def test_experts_are_named_by_it_and_by_nothing_new_without_it(tmp_path: Path):
  """Buffers from before there was a type are those of float32."""
  config = digits.dm('smoke,width=4')
  plain = buffer(config, tmp_path, 1).made_of
  assert plain['network'] == {'name': 'convnet', 'width': 4, 'depth': 2}
  config.network.dtype = 'bfloat16'
  narrow = buffer(config, tmp_path, 1).made_of
  assert narrow['network'] == {**plain['network'], 'dtype': 'bfloat16'}
  assert {**narrow, 'network': 0} == {**plain, 'network': 0}


def test_an_unknown_type_is_named():
  with pytest.raises(UserError, match="did you mean 'bfloat16'"):
    networks.build('mlp', 10, dtype='bfloat')
  with pytest.raises(UserError, match='dtype of convnet'):
    networks.build('convnet:dtype=float16', 10)
