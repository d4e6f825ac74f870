"""Evaluates a set, and baselines of equal size, by the recipe on its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import flax.linen as nn
from jax import Array
from ml_collections import ConfigDict

from rdd_jax import data
from rdd_jax.artifact import store
from rdd_jax.artifact.answered import require_views
from rdd_jax.artifact.card import statistics_limit_of, temperature_of
from rdd_jax.config.build import networks as build_networks
from rdd_jax.config.build import ood, recipes
from rdd_jax.config.build import shift as build_shift
from rdd_jax.config.build.context import Context
from rdd_jax.config.build.transforms import chains
from rdd_jax.core import plugins
from rdd_jax.core.transform import DataSpec, Transform
from rdd_jax.evaluation.calibration import Calibrated
from rdd_jax.evaluation.evaluate import Diagrams, TestData, evaluate
from rdd_jax.evaluation.metrics import Row, pool
from rdd_jax.evaluation.ood.curves import Curves
from rdd_jax.evaluation.ood.detect import OODBenchmark
from rdd_jax.evaluation.regression import REGRESSIONS
from rdd_jax.evaluation.shift.shift import Shift
from rdd_jax.experiment import regression, trial
from rdd_jax.experiment.answered import require_same_views
from rdd_jax.experiment.baselines import baseline_like
from rdd_jax.experiment.of_card import config_of
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.runtime.progress import Progress
from rdd_jax.training.recipe import Recipe


@dataclass(frozen=True)
class Judge:
  """Trains networks on sets by one recipe, and measures them on test rows.

  Attributes:
    nets: by name.
    regressions: likewise, from a set and network seeds to metrics.
    held: the test rows.
    recipe: how networks are trained.
    num_classes: of the data set.
    preprocess: from uint8 images to network inputs.
    student: edits each minibatch.
    outside: what is to be told from the data, if anything.
    shift: other test rows and groups of them, if any.
    calibrated: what was fitted on real rows, by the names of networks that it
      was fitted for.
    curves: of the first network that a set was evaluated by, for a report.
    diagrams: likewise, of reliability.
  """

  nets: Mapping[str, nn.Module]
  regressions: Mapping[str, Callable[[store.Distilled, Array], Row]]
  held: TestData
  recipe: Recipe
  num_classes: int
  preprocess: Preprocessing
  student: Transform
  outside: OODBenchmark | None
  shift: Shift | None
  calibrated: Mapping[str, Calibrated] = field(default_factory=dict)
  curves: dict[str, Curves] = field(default_factory=dict)
  diagrams: dict[str, Diagrams] = field(default_factory=dict)

  def __call__(
    self, distilled: store.Distilled, seeds: Array
  ) -> dict[str, Row]:
    """Evaluates a set by each network, one of each `seeds[s]`; or regresses."""
    count = len(self.nets) * len(seeds)
    with Progress(count, 'judging', unit='network') as progress:
      progress.update(0)
      by_net = {
        name: evaluate(
          net,
          store.to_batch(distilled),
          self.held,
          self.recipe,
          num_classes=self.num_classes,
          preprocess=self.preprocess,
          seeds=seeds,
          student=self.student,
          teacher=distilled.teacher,
          ood=self.outside,
          shift=self.shift,
          calibrate=self.calibrated.get(name),
          show=lambda found, name=name: self.curves.update({name: found}),
          diagram=lambda found, name=name: self.diagrams.update({name: found}),
          tell=lambda trained, left: progress.advance(trained),
        )
        for name, net in self.nets.items()
      }
    return by_net | {
      name: regress(distilled, seeds)
      for name, regress in self.regressions.items()
    }

  @property
  def names(self) -> tuple[str, ...]:
    """Returns the names of all that evaluate, networks first."""
    return (*self.nets, *self.regressions)


def judge_of(
  distilled: store.Distilled,
  dataset: data.Dataset,
  names: Sequence[str] = (),
  *,
  epochs: int | None = None,
  data_dir: str = '',
  allow_code: bool = False,
) -> Judge:
  """Builds the evaluation that a set's card describes.

  Args:
    distilled: the set.
    dataset: whose test rows are predicted.
    names: of networks, and of `REGRESSIONS`; none means the network that the
      set was matched with.
    epochs: instead of those on the card.
    data_dir: where TFDS data sets are, instead of where the card says.
    allow_code: whether functions that the card names are called.

  Raises:
    UserError: for a function that is named without `allow_code`.
  """
  card = distilled.card
  config = config_of(card)
  # There is no network of the whole set here whose features could group rows.
  config.shift.features = False
  if config.shift.density == 'features':
    config.shift.density = ''
  config.data.data_dir = data_dir or config.data.data_dir
  if epochs is not None:
    config.evaluation.epochs = epochs
  require_views(card, config.evaluation)
  outputs = distilled.targets.shape[1]
  spec = DataSpec(
    num_examples=len(dataset.train_labels),
    num_classes=dataset.num_classes,
    num_outputs=outputs,
    num_cells=int(distilled.cells.max()) + 1,
    num_groups=0,
  )
  own = card['network']
  matched = build_networks.network(ConfigDict(own), outputs)
  others = [name for name in names if name != own['name']]
  nets = build_networks.judges(others, outputs, dataset.image_shape)
  if not names or own['name'] in names:
    nets = {own['name']: matched, **nets}
  context = Context(
    spec,
    distilled.preprocessing,
    matched,
    dataset.image_shape,
    config,
    dataset=dataset,
    seed=config.seed,
    data_dir=config.data.data_dir,
  )
  with plugins.of_card(allow_code):
    student = chains(config, 'student', context)
    outside = ood.load(config, dataset)
    shift = build_shift.load(config, dataset, distilled.preprocessing)
  recipe = recipes.evaluation(config)
  require_same_views(distilled, recipe)
  trained = {
    'recipe': recipe,
    'num_classes': dataset.num_classes,
    'student': student,
  }
  held = trial.held(dataset)

  return Judge(
    nets=nets,
    regressions={
      name: partial(
        regression.judge,
        name,
        held=held,
        config=config,
        net=matched,
        **trained,
      )
      for name in names
      if name in REGRESSIONS
    },
    held=held,
    preprocess=distilled.preprocessing,
    **trained,
    calibrated=_calibrated(card, epochs),
    outside=outside,
    shift=shift,
  )


def _calibrated(
  card: Mapping[str, Any], epochs: int | None
) -> dict[str, Calibrated]:
  """What a card has of it: for its network, by its recipe alone."""
  found = temperature_of(card)
  if found is None or epochs not in (None, card['evaluation']['epochs']):
    return {}
  fitted = Calibrated(found, statistics_limit_of(card))
  return {card['network']['name']: fitted}


def evaluate_baseline(
  judge: Judge,
  name: str,
  distilled: store.Distilled,
  dataset: data.Dataset,
  seeds: Array,
  label: Callable[[store.Distilled], store.Distilled] | None = None,
) -> dict[str, Row]:
  """Evaluates a baseline of a set, as the set is evaluated.

  Args:
    judge: of the set.
    name: one of `BASELINES`; random rows are drawn anew for each network.
    distilled: the set.
    dataset: whose training rows are chosen from.
    seeds: typed keys `[s]` of networks.
    label: see `baseline_like`.

  Returns:
    A row for each network.
  """
  given = name, distilled, dataset
  if name != 'random':
    return judge(baseline_like(*given, seeds[0], label), seeds)
  drawn = [
    judge(baseline_like(*given, seed, label), seed[None]) for seed in seeds
  ]
  return {net: pool([row[net] for row in drawn]) for net in judge.names}
