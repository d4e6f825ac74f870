"""Predicts seconds and bytes of a run by running a little of each stage.

Every stage runs as in the run, shortened: preparing, an epoch or two of
experts, distilling for some seconds, evaluating one set of each shape after a
short training. What is shortened grows along a line, see `extrapolate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import copy
import math
from pathlib import Path
import time
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np

from rdd_jax.config.build import experiment as build
from rdd_jax.config.build import shift as build_shift
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import empirical
from rdd_jax.distill import DistillState
from rdd_jax.experiment import loop, program
from rdd_jax.experiment import trial as experiment_trial
from rdd_jax.experiment.begin import seed_key
from rdd_jax.experiment.describe import describe
from rdd_jax.experiment.trial import Trial
from rdd_jax.plan.counted import counted
from rdd_jax.plan.extrapolate import Seconds, extrapolate
from rdd_jax.plan.judging import judging
from rdd_jax.plan.known import Known
from rdd_jax.plan.trying import stand_ins, steps
from rdd_jax.runtime import cost, memory
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.sizes import words

FILE = 'plan.json'
LENGTHS = ('warm_up', 'steps')  # of links that train: what is shortened
SHARE = 0.9  # of the free memory, the most that a step is tried with


class Plan(NamedTuple):
  """Holds the prediction for a run.

  Attributes:
    text: describes what the run does.
    seconds: by stage, as `cost.STAGES`.
    memory: bytes: `state` (with the data) and `work` of a call of the step, by
      XLA's plan; `resident` and, on the first device, `device`, at the peak of
      planning; None is unknown.
    unknown: what was not predicted, and why.
    took: seconds that planning took.
    disk: bytes that are written, by what they are, where the size of the data
      is known before they are read.
  """

  text: str
  seconds: dict[str, float]
  memory: dict[str, int | None]
  unknown: list[str]
  took: float
  disk: Mapping[str, int] = MappingProxyType({})

  def to_json(self) -> dict[str, Any]:
    """Returns what `plan.json` holds: the fields of `cost.json`, and more."""
    return {
      'seconds': {name: round(s, 3) for name, s in self.seconds.items()},
      'total': round(sum(self.seconds.values()), 3),
      'memory': self.memory,
      'devices': cost.devices(),
      'unknown': self.unknown,
      'took': round(self.took, 3),
      'disk': dict(self.disk),
    }


def count(config: Config, given: Known) -> Plan:
  """Predicts a run by counting its images; nothing is read.

  Args:
    config: for which `counted.is_counted`.
    given: the size of its data.
  """
  began = time.perf_counter()
  seconds, work, unknown = counted(config, given)
  text = (
    f'{config.name}: counted, not tried; {config.network.name}, whose training '
    f'step takes {words(work)} of work on this device'
  )
  took = time.perf_counter() - began
  return Plan(text, seconds, {'work': work}, unknown, took)


def predict(config: Config, scratch: Path, *, budget: float = 5.0) -> Plan:
  """Predicts seconds and memory of a run on this machine.

  As if the run were new: neither its directory nor its experts exist.

  Args:
    config: complete, see `rdd_jax.config.defaults`.
    scratch: an empty directory.
    budget: approximate seconds for which each stage is tried, without
      compilation; more makes the prediction more accurate.

  Raises:
    UserError: as the run would.
  """
  began = time.perf_counter()
  seconds: dict[str, float] = dict.fromkeys(cost.STAGES, 0.0)
  mesh = meshes.make_mesh(config.devices or None)
  trial = experiment_trial.load_trial(config, scratch)
  seconds['loading'] = time.perf_counter() - began
  unknown: list[str] = []
  if config.variants:
    unknown.append(
      f'the {len(config.variants)} variants, each a run of its own'
    )
  with jax.default_matmul_precision(config.precision):
    with meshes.use(mesh):
      text, state, planned = _distilling(trial, mesh, budget, seconds, unknown)
    begin = time.perf_counter()
    shift = build_shift.load(config, trial.dataset, trial.preprocess)
    shifting = time.perf_counter() - begin
    found = judging(trial._replace(shift=shift), state.params, budget)
    seconds['judging'] = shifting + found
  peaks = {'resident': memory.resident_peak(), 'device': memory.device_peak()}
  took = time.perf_counter() - began
  return Plan(text, seconds, {**planned, **peaks}, unknown, took)


def _distilling(
  trial: Trial,
  mesh: jax.sharding.Mesh,
  budget: float,
  seconds: dict[str, float],
  unknown: list[str],
) -> tuple[str, DistillState, dict[str, int | None]]:
  """Runs all that precedes evaluation; fills in `seconds` and `unknown`."""
  config, dataset = trial.config, trial.dataset
  measure = empirical(
    dataset.train_labels,
    trial.experiment.spec.num_outputs,
    dataset.train_groups,
  )
  images, labels, measure = meshes.replicate(
    (dataset.train_images, dataset.train_labels, measure), mesh
  )
  trained: list[list[np.ndarray]] = []  # once, whatever the measure

  def train(state: DistillState) -> list[np.ndarray] | None:
    if trial.experiment.expert is None:
      return None
    if not trained:
      begin = time.perf_counter()
      rows, seconds['experts'] = stand_ins(trial, images, state, mesh)
      trained.append(rows)
      spent.append(time.perf_counter() - begin)
    return trained[0]

  spent: list[float] = []
  states: list[DistillState] = []
  length = _length(config)

  def prepare(n: int) -> Callable[[], None]:
    shorter = _shorter(config, n, length)
    experiment = build.build(shorter, dataset, trial.preprocess)

    def do() -> None:
      states[:] = [
        loop.start(
          experiment,
          seed_key(config, 0),
          images,
          measure,
          labels,
          train,
        )
      ]

    return do

  once = extrapolate(prepare, length, budget)
  once = Seconds(max(once.first - sum(spent), once.again), once.again)
  later = 0
  if config.prepare_every and config.transform:
    later = config.seeds * (max(config.steps - 1, 0) // config.prepare_every)
    unknown.append(
      'later preparations are taken to be as long as the first, and new '
      'experts after them are left out'
    )
  seconds['preparing'] = once.times(config.seeds) + later * once.again
  if length:  # each seed's measure is its own, and so are its experts
    seconds['experts'] *= config.seeds
  state = meshes.replicate(states[0], mesh)
  begin = time.perf_counter()
  trajectories = train(state)
  compiled = program.compile_call(
    trial.experiment, config, state, images, mesh, trajectories
  )
  seconds['compiling'] = time.perf_counter() - begin
  text = describe(trial, compiled, mesh)
  planned: dict[str, int | None] = {
    'state': compiled.state_bytes,
    'work': compiled.work_bytes,
  }
  free = memory.free()
  kept = jax.tree.map(lambda leaf: leaf.copy(), state)  # a call donates it
  if free and compiled.work_bytes > SHARE * free:
    unknown.append(
      f'distilling: a step takes {compiled.work_bytes / 2**20:,.0f} MiB of '
      f'work, and {free / 2**20:,.0f} MiB are free: it was not tried'
    )
  elif config.steps:
    try:
      seconds['distilling'] = config.seeds * steps(
        trial, kept, images, labels, compiled, mesh, train, budget
      )
    except UserError as error:
      unknown.append(f'distilling: {error}')
  return text, state, planned


def _length(config: Config) -> int:
  """Returns the steps of the longest training in `config.transform`."""
  links = config.transform.to_dict().values()
  return max((link.get(f, 0) for link in links for f in LENGTHS), default=0)


def _shorter(config: Config, n: int, length: int) -> Config:
  """Shortens the longest training from `length` to `n` steps, others alike.

  Initial images that experts predict become real ones: two epochs make no
  experts. So do those of another set.
  """
  shorter = copy.deepcopy(config)
  if shorter.synthetic.init not in ('real', 'noise'):
    shorter.synthetic.init = 'real'
  for link in shorter.transform.values():
    for field in LENGTHS:
      if link.get(field):
        link[field] = math.ceil(link[field] * n / length)
  return shorter
