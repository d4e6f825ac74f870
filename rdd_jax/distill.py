"""The heart: an objective, an optimizer and three chains make a distiller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
from jax import Array
from jax.core import Tracer
import numpy as np
import optax

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, Look
from rdd_jax.core.measure import Measure
from rdd_jax.core.risk import Risk, evaluate, mean
from rdd_jax.core.transform import (
  BoundTransform,
  Chains,
  DataSpec,
  DataView,
  State,
  Transform,
  edits_batches,
  identity,
)
from rdd_jax.objectives.base import Objective, Step
from rdd_jax.synthetic.view import View
from rdd_jax.training.probe import Probe, no_probe

Params = Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DistillState:
  """All that a run carries from step to step; nothing else is remembered."""

  step: Array  # i[]
  key: Array  # the root of this run's randomness; never changes
  params: Params
  opt: optax.OptState
  measure: Measure
  objective: State
  probe: State
  transform: State
  training: State
  student: State


class Distiller(NamedTuple):
  """Three functions of a run.

  Attributes:
    init: `(key, spec, params, measure) -> state`.
    prepare: `(state, data: DataView) -> state`, between segments, outside jit:
      lets the chains edit the measure.
    update: `(state, real: Batch, feed, look) -> (state, metrics)`, pure: one
      step. By default the inputs of the real rows are there; else `look` is
      from some of these rows to the same with their inputs, see `Step`.
  """

  init: Callable[[Array, DataSpec, Params, Measure], DistillState]
  prepare: Callable[[DistillState, DataView], DistillState]
  update: Callable[..., tuple[DistillState, dict[str, Array]]]


def distiller(
  objective: Objective,
  optimizer: optax.GradientTransformation,
  view: View,
  *,
  probe: Probe | None = None,
  transform: Transform = identity(),
  training: Transform = identity(),
  student: Transform = identity(),
  risk: Risk = mean(),
  step_size: Callable[[Params], Array | None] = lambda params: None,
) -> Distiller:
  """Composes a distiller.

  Args:
    objective: how the synthetic batch is judged against a real one.
    optimizer: of the synthetic parameters; it may ask for the loss, as `value`.
    view: from the parameters to a batch.
    probe: scores rows for `transform`; needed only by chains that score.
    transform: edits the real data before it is matched.
    training: edits each SGD step of a network that trains on real data; only
      its `update` is called, as it sees no measure of its own.
    student: likewise, each SGD step on synthetic rows.
    risk: of the objective's values over cells; `total()` is what the published
      matching losses use.
    step_size: of the objective's student, `f[]`, from the parameters where it
      is learned among them; None where it is not.

  Returns:
    Pure functions that start a run, look at the whole data, and take a step.
  """
  scorer = probe or no_probe()
  optimizer = optax.with_extra_args_support(optimizer)
  # Else somebody wants to see all the real rows of a step.
  in_parts = objective.in_parts and not probe and not edits_batches(transform)

  def init(
    key: Array, spec: DataSpec, params: Params, measure: Measure
  ) -> DistillState:
    _require_rows(view(params), spec)
    return DistillState(
      step=jax.device_put(np.int32(0)),
      key=key,
      params=params,
      opt=optimizer.init(params),
      measure=measure,
      objective=objective.init(keys.named(key, 'objective')),
      probe=scorer.init(keys.named(key, 'probe')),
      transform=transform.init(spec),
      training=training.init(spec),
      student=student.init(spec),
    )

  def prepare(state: DistillState, data: DataView) -> DistillState:
    key = jax.random.fold_in(keys.named(state.key, 'prepare'), state.step)
    measure, new = transform.prepare(
      state.measure, state.transform, key=key, data=data
    )
    return replace(state, measure=measure, transform=new)

  def update(
    state: DistillState, real: Batch, feed: Any = None, look: Look = Look()
  ) -> tuple[DistillState, dict[str, Array]]:
    key = jax.random.fold_in(state.key, state.step)
    synthetic = jax.lax.stop_gradient(view(state.params))
    if not in_parts:
      real, look = look(real), Look()
    real, edited = transform.update(
      real,
      state.transform,
      key=keys.named(key, 'transform'),
      score=scorer.score(state.probe),
      synthetic=synthetic,
    )
    real = jax.lax.stop_gradient(real)
    places = Chains(
      training=BoundTransform(state.training, training),
      student=BoundTransform(state.student, student),
    )
    step = Step(real, state.objective, key, places, feed, look=look)

    def loss_fn(params: Params) -> tuple[Array, dict[str, Array]]:
      values, mass, metrics = objective.losses(
        view(params),
        step._replace(
          key=keys.named(key, 'match'), step_size=step_size(params)
        ),
      )
      return evaluate(risk, values, mass), metrics

    (loss, metrics), grads = jax.value_and_grad(loss_fn, has_aux=True)(
      state.params
    )
    updates, opt = optimizer.update(grads, state.opt, state.params, value=loss)
    params = optax.apply_updates(state.params, updates)
    objective_state, places = objective.advance(
      jax.lax.stop_gradient(view(params)),
      step._replace(key=keys.named(key, 'advance')),
    )
    probe_state = state.probe
    if probe is not None:
      # Like every network that trains on real data, under that chain.
      batch, edit = places.training(
        real,
        key=keys.named(key, 'probe'),
        score=scorer.score(state.probe),
        synthetic=synthetic,
      )
      places = places._replace(training=edit)
      probe_state = probe.advance(batch, state.probe)
    new = replace(
      state,
      step=state.step + 1,
      params=params,
      opt=opt,
      objective=objective_state,
      probe=probe_state,
      transform=edited,
      training=places.training.state,
      student=places.student.state,
    )
    return new, {
      'loss': loss,
      'grad_norm': optax.tree.norm(grads),
      **metrics,
    }

  return Distiller(init, prepare, update)


def _require_rows(synthetic: Batch, spec: DataSpec) -> None:
  """Every cell that real rows may fall in needs a synthetic row."""
  if isinstance(synthetic.cells, Tracer):
    return
  missing = sorted(
    set(range(spec.num_cells)) - set(np.asarray(synthetic.cells).tolist())
  )
  if missing:
    slots = spec.num_cells - spec.num_classes
    raise ValueError(
      f'cells {missing} have no synthetic rows: {spec.num_classes} classes '
      f'and {slots} outlier slots need a view over '
      f'layout({spec.num_classes}, ipc, slots={slots})'
    )
