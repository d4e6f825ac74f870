"""Builds networks that a configuration names."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax

from rdd_jax import networks
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import choose
from rdd_jax.evaluation.regression import REGRESSIONS


def network(options: Config, num_outputs: int) -> nn.Module:
  """Builds the network that `network.name` and its options describe.

  Args:
    options: `config.network`.
    num_outputs: classes, and the reject class if there is one.
  """
  given = options.to_dict()
  return networks.build(given.pop('name'), num_outputs, **given)


def judges(
  names: Sequence[str], num_outputs: int, input_shape: tuple[int, ...]
) -> dict[str, nn.Module]:
  """Builds the networks among `names`, which may be regressions as well.

  Args:
    names: of networks, `NAME` or `NAME:OPTIONS`, and of regressions.
    num_outputs: of each network.
    input_shape: (H, W, C).

  Raises:
    UserError: for an unknown name, or a network that does not suit the images.
  """
  known = dict.fromkeys((*networks.NETWORKS, *REGRESSIONS))
  for name in names:
    choose('network or regression', name.partition(':')[0], known)
  found = {
    name: networks.build(name, num_outputs)
    for name in names
    if name not in REGRESSIONS
  }
  for net in found.values():
    jax.eval_shape(
      lambda key, net=net: networks.init(net, key, input_shape),
      jax.random.key(0),
    )
  return found
