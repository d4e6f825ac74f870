"""Builds the objects that a configuration names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax import networks
from rdd_jax.config.build import experts
from rdd_jax.config.build import given as givens
from rdd_jax.config.build.context import Context
from rdd_jax.config.build.groups import parse_risk
from rdd_jax.config.build.initial import initial
from rdd_jax.config.build.networks import judges, network
from rdd_jax.config.build.objectives import objective
from rdd_jax.config.build.optimizers import optimizer
from rdd_jax.config.build.recipes import evaluation, whole
from rdd_jax.config.build.transforms import chains, scoring_probe
from rdd_jax.config.defaults import Config
from rdd_jax.core.batch import Batch, take
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import Measure, by_cell, draw
from rdd_jax.core.streamed import Images
from rdd_jax.core.transform import DataSpec, Transform, chain
from rdd_jax.data import Dataset, recoloured
from rdd_jax.distill import Distiller, distiller
from rdd_jax.images.preprocessing import Preprocessing, fit, standardize
from rdd_jax.synthetic import view as synthetic_view
from rdd_jax.synthetic.view import Synthetic, View
from rdd_jax.training.expert import Expert
from rdd_jax.training.probe import Probe, no_probe, probe
from rdd_jax.training.recipe import Recipe


class Experiment(NamedTuple):
  """A configuration, built.

  Attributes:
    net: the network that is matched and evaluated.
    distiller: the composition.
    probe: scores rows for its chains.
    preprocess: from uint8 images to network inputs.
    spec: the sizes.
    view: from parameters to a batch.
    cells: `i[n]`, of the stored images.
    initial: `(key, images, measure, trajectories) -> Synthetic`; without
      trajectories, a start of the same shapes.
    draw: `(key, measure) -> Batch`, the real rows of one step, whose inputs are
      their numbers `i[n]`.
    look: `(images, batch) -> Batch`, from some of these to network inputs.
    expert: trains experts, where they are matched, or one teaches.
    feed: the objective's `(seed, step, trajectories) -> host data`, or None.
    student: the chain on synthetic rows.
    evaluation: how networks are trained on the result.
    whole: how a network is trained on the full training set.
    judges: the networks of `evaluation.networks`, which evaluate it as well.
    given: the set that it starts from, if it is one.
  """

  net: nn.Module
  distiller: Distiller
  probe: Probe
  preprocess: Preprocessing
  spec: DataSpec
  view: View
  cells: np.ndarray
  initial: Callable[..., Synthetic]
  draw: Callable[[Array, Measure], Batch]
  look: Callable[[Images, Batch], Batch]
  expert: Expert | None
  feed: Callable[..., Any] | None
  student: Transform
  evaluation: Recipe
  whole: Recipe | None
  judges: Mapping[str, nn.Module]
  given: givens.Given | None = None


def preprocessing(config: Config, dataset: Dataset) -> Preprocessing:
  """Returns published mean and standard deviation, or fitted ones, or ZCA.

  Args:
    config: of which `data` is read.
    dataset: whose training images are fitted, if only as they were colored.

  Raises:
    UserError: for published statistics of another number of channels.
  """
  data = config.data
  if data.zca or not data.mean or recoloured(data.rare):
    return fit(
      dataset.train_images,
      zca=data.zca or None,
      convention=data.zca_convention,
    )
  channels = dataset.train_images.shape[-1]
  if len(data.mean) != channels:
    raise UserError(
      f'data.mean has {len(data.mean)} channels, but {dataset.name} has '
      f'{channels}: set data.channels={len(data.mean)} to convert the images'
    )
  return standardize(data.mean, data.std)


def build(
  config: Config, dataset: Dataset, preprocess: Preprocessing
) -> Experiment:
  """Builds all that a run needs; touches no device memory to speak of.

  Args:
    config: all of it; a UserError says what does not go together.
    dataset: what is distilled.
    preprocess: of its images.
  """
  chosen = config.synthetic
  classes = dataset.num_classes
  outputs = classes + int(chosen.reject)
  groups = dataset.train_groups
  spec = DataSpec(
    num_examples=len(dataset.train_labels),
    num_classes=classes,
    num_outputs=outputs,
    num_cells=classes + chosen.slots,
    num_groups=0 if groups is None else int(groups.max()) + 1,
  )
  input_shape = dataset.train_images.shape[1:]
  net = network(config.network, outputs)
  jax.eval_shape(
    lambda key: networks.init(net, key, input_shape), jax.random.key(0)
  )
  context = Context(
    spec,
    preprocess,
    net,
    input_shape,
    config,
    real_rows=config.real_rows,
    synthetic_rows=max(chosen.ipc, chosen.slot_images) * chosen.factor**2,
    rows=chosen.ipc * chosen.factor**2,
    truth=dataset.train_true_labels,
    dataset=dataset,
    data_dir=config.data.data_dir,
    mock=config.data.mock,
    seed=config.seed,
  )
  transform, training, student = (
    chains(config, place, context)
    for place in ('transform', 'training', 'student')
  )
  scorer = scoring_probe(config, net, input_shape, classes)
  cells = synthetic_view.layout(
    classes, chosen.ipc, chosen.slots, chosen.slot_images
  )
  _require_rows(config, dataset, len(cells))
  experts.require_top_k(config, outputs)
  given = givens.load(config, dataset, preprocess)
  view = synthetic_view.view(
    cells,
    synthetic_view.hard_targets(cells, classes, outputs),
    factor=chosen.factor,
    preprocess=preprocess if chosen.space == 'pixels' else None,
    outlier_weight=chosen.outlier_weight,
    num_classes=classes,
    free=chosen.labels == 'free',
  )
  matched = objective(context)
  both = chain(transform=transform, training=training)
  drawn = config.real_rows * classes

  def real_rows(key: Array, measure: Measure) -> Batch:
    rows = jnp.arange(len(measure.weights))
    return draw(key, rows, measure, drawn, by_cell(classes))

  def look(images: Images, rows: Batch) -> Batch:
    return replace(rows, inputs=preprocess(take(images, rows.inputs)))

  return Experiment(
    net=net,
    distiller=distiller(
      matched,
      optimizer(config, cells, classes),
      view,
      probe=scorer,
      transform=transform,
      training=training,
      student=student,
      risk=parse_risk(config.risk),
      step_size=attrgetter('step_size'),
    ),
    probe=scorer or no_probe(),
    preprocess=preprocess,
    spec=spec,
    view=view,
    cells=cells,
    initial=initial(
      config,
      net,
      spec,
      preprocess,
      both if matched.feed else transform,
      scorer
      or (
        # Chains of experts may ask for scores, and experts come later.
        probe(net, optax.identity(), input_shape, classes)
        if matched.feed
        else no_probe()
      ),
      given,
    ),
    draw=real_rows,
    look=look,
    expert=experts.build(config, net, input_shape, spec, preprocess, both)
    if matched.feed or experts.teaches(config)
    else None,
    feed=matched.feed,
    student=student,
    evaluation=evaluation(config),
    whole=whole(config),
    judges=judges(config.evaluation.networks, outputs, input_shape),
    given=given,
  )


def _require_rows(config: Config, dataset: Dataset, stored: int) -> None:
  """Checks that there is something to distill: more rows than are stored."""
  rows = len(dataset.train_labels)
  if stored >= rows:
    lower = 'lower ipc, or ' if config.synthetic.ipc > 1 else ''
    raise UserError(
      f'ipc={config.synthetic.ipc} stores {stored} images of {dataset.name}, '
      f'which has {rows} training rows: {lower}give more rows'
    )
