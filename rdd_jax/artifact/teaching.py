"""A teacher's weights, or answers, among the arrays of a set that it labels."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rdd_jax import networks
from rdd_jax.artifact import answered
from rdd_jax.core.errors import UserError
from rdd_jax.training.stored import Labeler, StoredLabels
from rdd_jax.training.teacher import Teacher

PREFIX = 'teacher.'  # of its arrays: teacher.params.Conv_0.kernel


def to_arrays(teacher: Labeler | None) -> dict[str, np.ndarray]:
  """Returns a teacher's variables by name, or its stored answers, or nothing.

  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> variables = networks.init(net, jax.random.key(0), (2, 2, 1))
  >>> list(to_arrays(Teacher(net, variables)))[0]
  'teacher.params.Dense_0.bias'
  """
  if teacher is None:
    return {}
  if isinstance(teacher, StoredLabels):
    return answered.to_arrays(teacher)
  return {
    _name(path): np.asarray(leaf, np.float32)
    for path, leaf in jax.tree_util.tree_leaves_with_path(teacher.variables)
  }


def from_arrays(
  arrays: Mapping[str, np.ndarray], card: Mapping[str, Any], where: str
) -> Labeler | None:
  """Builds the teacher of a set, or its answers: the inverse of `to_arrays`.

  Args:
    arrays: of the set.
    card: whose `label_kind` says that there is one, and whose `teacher` says
      which network it is, and its temperature.
    where: they come from, for errors.

  Raises:
    UserError: if the weights are not there, or not of that network.
  """
  if card.get('label_kind') == answered.KIND:
    return answered.from_arrays(arrays, card, where)
  if card.get('label_kind') != 'teacher':
    return None
  said = card.get('teacher')
  try:
    options = dict(said['network'])  # pyright: ignore[reportOptionalSubscript]
    temperature = float(said['temperature'])  # pyright: ignore
    shape = arrays['images'].shape[1:]
    outputs = arrays['targets'].shape[1]
    net = networks.build(options.pop('name'), outputs, **options)
  except (KeyError, TypeError, ValueError) as error:
    raise UserError(
      f'{where}: label_kind is teacher, and the card has teacher={said!r}; '
      'give its network and temperature, or copy the card again'
    ) from error
  if not 0 < temperature < math.inf:
    raise UserError(
      f'{where} has teacher.temperature {temperature}; it is a number above 0: '
      'copy the card again'
    )
  wanted = jax.eval_shape(
    lambda key: networks.init(net, key, shape), jax.random.key(0)
  )

  def leaf(path: Any, known: jax.ShapeDtypeStruct) -> jax.Array:
    name = _name(path)
    own = arrays.get(name)
    right = known.shape, 'f'
    if own is None or (own.shape, own.dtype.kind) != right:
      found = 'not there' if own is None else f'{own.dtype}{list(own.shape)}'
      raise UserError(
        f'{where}: {name} is {found}, and the network on the card has '
        f'{known.dtype}{list(known.shape)}; copy both files again'
      )
    return jnp.asarray(own, known.dtype)

  variables = jax.tree_util.tree_map_with_path(leaf, wanted)
  return Teacher(net, variables, temperature)


def _name(path: Any) -> str:
  return PREFIX + '.'.join(str(part.key) for part in path)
