"""Prepares the measure of a run, shows how far that is, and stops if asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import Array
import numpy as np

from rdd_jax.config.build.experiment import Experiment
from rdd_jax.core.chunks import in_shares
from rdd_jax.core.data_view import (
  DataView,
  Keep,
  Scores,
  Tell,
  unkept,
  untold,
)
from rdd_jax.core.measure import Measure, rows_of
from rdd_jax.core.parts import Parts, in_one
from rdd_jax.core.sharding import by_rows
from rdd_jax.distill import DistillState
from rdd_jax.runtime.progress import Stages
from rdd_jax.runtime.stopping import Stopped


def prepared(
  experiment: Experiment,
  state: DistillState,
  images: Array,
  labels: Array,
  stop: Callable[[], bool],
  keep: Keep = unkept,
  parts: Parts = in_one,
) -> DistillState:
  """Returns a state whose measure is prepared, and shows how far that is.

  Args:
    experiment: what is run.
    state: before.
    images: `u8[N, H, W, C]`.
    labels: `i[N]`, as given.
    stop: asked now and then, where one process may stop alone.
    keep: see `DataView`; not used by several processes, which could not all
      be sure to find what one of them wrote.
    parts: see `DataView`.

  Raises:
    Stopped: when `stop()` says so.
  """
  with Stages('preparing') as show:

    def tell(stage: str, done: int, total: int) -> None:
      show(stage, done, total)
      if jax.process_count() == 1 and stop():
        raise Stopped

    view = view_data(experiment, state, images, labels, tell)
    if jax.process_count() == 1:
      view = view._replace(keep=keep, parts=parts)
    return experiment.distiller.prepare(state, view)


def view_data(
  experiment: Experiment,
  state: DistillState,
  images: Array,
  labels: Array,
  tell: Tell = untold,
) -> DataView:
  """Returns what `prepare` may look at: the data, and the probe's scores.

  Args:
    experiment: whose probe scores.
    state: holds the probe, and the measure that gives targets.
    images: `u8[N, H, W, C]`.
    labels: `i[N]`, as given.
    tell: shows how far it is.
  """

  def score_all(size: int = 1000) -> Scores:
    score = partial(_score, experiment, state.probe, images, state.measure)
    return in_shares(score, np.arange(len(labels)), size)

  return DataView(images, labels, score_all, tell)


@partial(jax.jit, static_argnums=0)
def _score(
  experiment: Experiment,
  probe: Any,
  images: Array,
  measure: Measure,
  rows: Array,
) -> Scores:
  def of_some(rows: Array, images: Array, measure: Measure, probe: Any) -> Any:
    batch = rows_of(measure, rows, experiment.preprocess(images[rows]))
    return experiment.probe.score(probe)(batch)

  return by_rows(of_some, rows, images, measure, probe)
