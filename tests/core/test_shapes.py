"""Wrong shapes are refused at public edges, by messages that show them."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import kernels
from rdd_jax.core import batch, losses, measure, risk
from rdd_jax.core.transform import chain, stateless
from rdd_jax.images.preprocessing import standardize
from rdd_jax.robust import mixture
from rdd_jax.synthetic.view import Synthetic, view

ROWS = measure.rows_of(
  measure.empirical([0, 1, 1], 2), jnp.arange(3), jnp.zeros((3, 4, 4, 1))
)
VIEW = view(np.arange(2), np.eye(2))
CUT = chain(
  cut=stateless(lambda rows, **_: replace(rows, index=rows.index[:2]))
)


@pytest.mark.parametrize(
  ('call', 'shown'),
  [
    (lambda: batch.group_mean(jnp.ones(3), jnp.ones(2), jnp.zeros(3), 1), '2'),
    (lambda: batch.training_loss(jnp.ones(2), ROWS, 2), '2'),
    (lambda: batch.bucket(replace(ROWS, cells=jnp.zeros((3, 2))), 2, 2), '2'),
    (lambda: measure.empirical([[0, 1]], 2), 'rank 2'),
    (lambda: measure.rows_of(None, jnp.arange(3), jnp.ones((5, 2))), '5'),
    (lambda: losses.cross_entropy(jnp.ones((3, 7)), ROWS, 2), '7'),
    (lambda: losses.SquaredError()(jnp.ones((3, 7)), ROWS, 2), '7'),
    (lambda: risk.evaluate(risk.mean(), jnp.ones(3), jnp.ones(9)), '9'),
    (
      lambda: kernels.fully_connected(1)(jnp.ones((2, 3)), jnp.ones((2, 8))),
      '8',
    ),
    (lambda: kernels.convolutional(1)(jnp.ones((2, 9))), '9'),
    (lambda: kernels.solve(jnp.eye(3), jnp.ones((6, 1))), '6'),
    (lambda: kernels.fit(jnp.ones((3, 2)), jnp.ones((6, 1))), '6'),
    (lambda: VIEW(Synthetic(jnp.ones((7, 4, 4, 1)), None)), '7'),
    (lambda: standardize([0.5], [1.0])(jnp.ones((2, 4, 4, 3))), '3'),
    (lambda: mixture.fit(jnp.ones(4), jnp.zeros(6, int), 2), '6'),
    (
      lambda: CUT.update(
        ROWS,
        {'cut': ()},
        key=jax.random.key(0),
        score=None,  # pyright: ignore
        synthetic=ROWS,
      ),
      "'cut'",
    ),
  ],
)
def test_wrong_shapes_are_refused_and_shown(call, shown):
  with pytest.raises(AssertionError, match=shown):
    call()
