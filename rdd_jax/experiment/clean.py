"""Says which labels are wrong, and does no more: `task=clean`."""

from __future__ import annotations

from pathlib import Path
import shutil

from jax import Array
import jax.numpy as jnp

from rdd_jax import report
from rdd_jax.core.measure import empirical
from rdd_jax.core.streamed import on_device
from rdd_jax.experiment import loop, parted
from rdd_jax.experiment.kept import for_run
from rdd_jax.experiment.outputs import write_facts
from rdd_jax.experiment.trial import Trial
from rdd_jax.report import label_noise
from rdd_jax.report.page import PAGE
from rdd_jax.runtime import cost
from rdd_jax.runtime.logging import say


def finished(directory: Path) -> bool:
  """Tells whether labels were cleaned in this work directory."""
  return (directory / label_noise.RELABELED).exists()


def clean(trial: Trial, key: Array, command: str, clock: cost.Clock) -> None:
  """Divides the rows, and writes what was found of each, and a page.

  Args:
    trial: whose chain has a defense against label noise.
    key: of the division.
    command: that repeats the run, for the page.
    clock: measures the stage.
  """
  dataset, directory = trial.dataset, trial.workdir
  rows = len(dataset.train_labels)
  say(f'looking at {rows:,} labels of {dataset.num_classes} classes')
  outputs = trial.experiment.spec.num_outputs
  measure = empirical(dataset.train_labels, outputs, dataset.train_groups)
  with clock.stage('preparing'):
    state = loop.start(
      trial.experiment,
      key,
      on_device(dataset.train_images),
      measure,
      jnp.asarray(dataset.train_labels),
      keep=for_run(trial.kept, trial.config),
      parts=parted.preparing(trial.parts, trial.config),
    )
    label_noise.write(directory, dataset, state.transform)
  clock.write()
  write_facts(directory, trial, judged=False)
  title = f'{dataset.name}: labels'
  report.write_report(directory, title=title, command=command)
  shutil.rmtree(directory / parted.DIRECTORY, ignore_errors=True)
  say(f'open {directory / PAGE} and relabeled.csv beside it')
