"""TAD as it was before noise was estimated: fixed shares, one probe's word.

Half of the rows that are not trusted come back, however weak the probe. For
comparison, and for one release; `tad.py` is what to use.

Wu et al., Trust-Aware Diversion for Data-Effective Distillation, arXiv
2502.05027. **A reconstruction**: only the abstract and summaries of the paper
were at hand. An outer loop divides the data into trusted and untrusted rows; an
inner loop recalibrates untrusted rows, which come back with another label; a
probe trains on both, round after round, and distillation sees the last ones.

Deviations:
  As far as they can be known. The default divides by agreement with a probe of
  averaged weights, and at last by agreement or a mixture on the log of the
  loss, which was better in early, small measurements than what the summaries
  describe, a mixture on the loss of each class together with consistency and
  with both Mahalanobis distance and cosine similarity:
  `options.as_described()`. In relabeling, what the given label says counts as
  well, and where groups are known, a share of each is trusted; neither is in
  the summaries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.core.errors import UserError
from rdd_jax.core.feed import fed
from rdd_jax.core.measure import Measure
from rdd_jax.core.onehot import OneHot, dense
from rdd_jax.core.transform import (
  DataSpec,
  DataView,
  State,
  Transform,
  from_prepare,
)
from rdd_jax.robust import probing
from rdd_jax.robust.label_noise.options import Diversion, check
from rdd_jax.robust.label_noise.record import LEFT_OUT, DivertState, fresh
from rdd_jax.robust.label_noise.relabel import propose
from rdd_jax.robust.label_noise.trust import Division, ProbeOutputs, divide
from rdd_jax.training.probe import Probe


def divert(
  probe: Probe,
  preprocess: Callable[[Array], Array],
  num_classes: int,
  recipe: Diversion = Diversion(),
  *,
  num_groups: int = 0,
  later: int = 0,
) -> Transform:
  """Diverts the measure, between segments, to what can be trusted (TAD).

  The first preparation goes through all rounds, each later one through one
  more, which continues the probe. Rows that are left out get weight 0, and
  relabeled rows change target and cell. The labels of the data set, not of the
  measure, are those in doubt.

  Args:
    probe: its network trains here; weights that are averaged over many steps
      divide far better than those of one.
    preprocess: from uint8 images to network inputs.
    num_classes: the number of classes.
    recipe: the loops.
    num_groups: of the groups that the measure knows.
    later: preparations after the first whose divisions are remembered; of
      further ones, only the last.

  Raises:
    UserError: for a rule, score or measure that there is not, no probe, or
      views without an augmentation; when preparing, if the probe diverges.

  Source: Wu et al., arXiv 2502.05027.

  >>> from rdd_jax.training.probe import no_probe
  >>> t = divert(no_probe(), lambda images: images / 255, 2)
  >>> state = t.init(DataSpec(3, 2, 2, 2, 0))
  >>> state.labels.shape  # three rounds and the last division, of three rows
  (4, 3)
  """
  check(recipe)
  length = recipe.rounds + 1 + later

  def start(key: Array) -> State:
    return jax.vmap(probe.init)(jax.random.split(key, recipe.probes))

  def init(spec: DataSpec) -> State:
    return fresh(spec.num_examples, length, start(jax.random.key(0)))

  draw = jax.jit(
    partial(probing.draw, probes=recipe.probes, batch_size=recipe.batch_size),
    static_argnames='steps',
  )
  train = jax.jit(partial(probing.train, probe, preprocess, recipe.augment))
  ask = jax.jit(
    partial(
      probing.ask,
      probe,
      preprocess,
      num_classes,
      views=recipe.views,
      view=recipe.view,
    )
  )

  @partial(jax.jit, static_argnums=0)
  def split(
    division: Division,
    state: DivertState,
    given: Measure,
    labels: Array,
    opinion: ProbeOutputs,
  ) -> tuple[Measure, DivertState]:
    trusted = divide(
      opinion, labels, num_classes, division, given.groups, num_groups
    )
    found = propose(opinion, labels, trusted, num_classes, recipe.relabel)
    counts = trusted | found.relabeled
    mass = jnp.where(counts, given.weights, 0.0)
    if recipe.weigh:
      chance = jnp.where(
        found.relabeled, found.chance, jnp.exp(-opinion.losses)
      )
      mass = given.weights * jnp.where(jnp.isfinite(chance), chance, 0.0)
    counted = jnp.where(found.relabeled, found.labels, labels)
    counted = jnp.where(mass > 0, counted, LEFT_OUT)
    row = jnp.minimum(state.round, length - 1)
    cells = jnp.where(found.relabeled, found.labels, given.cells)
    outputs = given.targets.shape[1]
    targets = OneHot(cells, outputs)
    if found.targets is not None:
      soft = jnp.pad(found.targets, ((0, 0), (0, outputs - num_classes)))
      targets = jnp.where(found.relabeled[:, None], soft, dense(targets))
    measure = replace(given, weights=mass, targets=targets, cells=cells)
    return measure, state._replace(
      round=state.round + 1,
      losses=opinion.losses,
      labels=state.labels.at[row].set(counted),
      trusted=state.trusted.at[row].set(trusted),
      mass=state.mass.at[row].set(mass),
      proposed=found.labels,
    )

  def prepare(
    measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    first = int(state.round) == 0
    if first:
      state = state._replace(
        probe=start(keys.named(key, 'probe')), weights=measure.weights
      )
    labels = jnp.asarray(data.labels, jnp.int32)
    given = replace(
      measure,
      targets=OneHot(labels, measure.targets.shape[1]),
      cells=labels,
      weights=state.weights,
    )

    def trained(state: Any, name: str, rows: Measure, steps: int) -> Any:
      own = keys.named(key, name)

      drawn = draw(own, data.images, rows, steps=steps)
      advance = fed(data.images, drawn[1].inputs, partial(train, drawn), axis=1)
      made_of = state.probe, data.images, rows, jax.random.key_data(own)
      new = data.parts(name, made_of, lambda: state.probe, advance, steps)
      return state._replace(probe=new)

    def opinion(state: Any, name: str) -> ProbeOutputs:
      view_key = keys.named(key, f'views {name}')
      found = ask(state.probe, view_key, data.images, given)
      if not jnp.isfinite(found.losses).any():
        raise UserError(
          'the probe of TAD diverged: no loss is finite; lower its '
          'learning_rate, config.transform.trust.learning_rate'
        )
      return found

    rounds = recipe.rounds if first else 1
    if first and recipe.warm_up:
      data.tell(f'{recipe.probes} probes warm up', 0, rounds)
      state = trained(state, 'warm up', given, recipe.warm_up)
    for i in range(rounds):
      data.tell('rounds', i, rounds)
      current, divided = split(
        recipe.division, state, given, data.labels, opinion(state, f'{i}')
      )
      # Of a later preparation, only the last division is remembered.
      state = divided if first else state
      state = trained(state, f'round {i}', current, recipe.steps)
    found = opinion(state, 'last')
    data.tell('rounds', rounds, rounds)
    return split(recipe.last, state, given, data.labels, found)

  return from_prepare(init, prepare)
