"""Networks on the full training set, and the coresets that they choose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rdd_jax import networks
from rdd_jax.config.build import shift as build_shift
from rdd_jax.core.batch import Batch
from rdd_jax.core.measure import empirical, listed
from rdd_jax.core.streamed import Streamed
from rdd_jax.data import Dataset
from rdd_jax.data.images import whole as whole_images
from rdd_jax.evaluation.evaluate import summarize
from rdd_jax.evaluation.ood.detect import detect
from rdd_jax.evaluation.shift.shift import measure as measure_shift
from rdd_jax.experiment.parted import adding, cleared
from rdd_jax.experiment.trial import (
  Trial,
  held,
  keep_curves,
  network_keys,
  remember,
)
from rdd_jax.images.fetched import fetched
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables
from rdd_jax.runtime import distributed as meshes
from rdd_jax.synthetic import coresets
from rdd_jax.synthetic.view import stored_ipc
from rdd_jax.training.fit import fit_in_turn
from rdd_jax.training.predict import embed, predict
from rdd_jax.training.recipe import Recipe

CORESETS = {'herding': coresets.herding, 'k_center': coresets.k_center}


def whole_batch(
  dataset: Dataset, num_outputs: int, preprocess: Preprocessing
) -> tuple[Batch, Preprocessing]:
  """Returns all training rows, and what makes network inputs of some of them.

  Args:
    dataset: N training rows.
    num_outputs: of the networks, and the width of the targets.
    preprocess: from uint8 images to network inputs.

  Returns:
    The rows, their inputs uint8, or where images are streamed row numbers; and
    the preprocessing of these inputs, and of other images.
  """
  measure = empirical(dataset.train_labels, num_outputs)
  rows, images = jnp.arange(len(measure.cells)), dataset.train_images
  if isinstance(images, Streamed):
    return listed(measure, rows), fetched(images, preprocess)
  found = replace(listed(measure, rows), inputs=jnp.asarray(images))
  return found, preprocess


def whole(trial: Trial) -> dict[str, Any]:
  """Trains networks on the full training set, and chooses coresets by one.

  Returns:
    `row`, the metrics of those networks, None where `whole.steps` is 0;
    `coresets`, row numbers by name, chosen in the features of the first
    network, or, where there is none, those of `config.baselines` in pixels;
    and `groups` of test rows in those features, where `config.shift` asks for
    them.
  """
  path = trial.workdir / 'evaluations' / 'whole.json'
  with cleared(trial.parts):
    found = remember(path, lambda: _whole(trial))
    if not set(_asked(trial)) <= set(found['coresets']):  # others were asked
      meshes.any_process(False)  # all have read what is about to go
      if meshes.is_main_process():
        path.unlink(missing_ok=True)
      meshes.any_process(False)
      found = remember(path, lambda: _whole(trial))
    return found


def _asked(trial: Trial) -> list[str]:
  """The coresets that a run is compared with."""
  return [name for name in CORESETS if name in trial.config.baselines]


def _whole(trial: Trial) -> dict[str, Any]:
  dataset, recipe = trial.dataset, trial.experiment.whole
  images, labels = dataset.train_images, dataset.train_labels
  groups: dict[str, list[int]] = {}
  if recipe is None:
    row, names = None, _asked(trial)
    features = np.empty((len(images), 0), np.uint8)
    if names:
      features = whole_images(images).reshape(len(images), -1)
  else:
    names, net = list(CORESETS), trial.experiment.net
    outputs = trial.experiment.spec.num_outputs
    batch, preprocess = whole_batch(dataset, outputs, trial.preprocess)
    variables = _networks(trial, batch, preprocess, recipe)
    logits = predict(net, variables, dataset.test_images, trial.preprocess)
    row = summarize(logits, held(dataset), dataset.num_classes)
    first = jax.tree.map(lambda v: v[0], variables)
    features = embed(net, first, images, trial.preprocess)
    if trial.shift is not None:
      if build_shift.needs_features(trial.config):
        tests = embed(net, first, dataset.test_images, trial.preprocess)
        groups = build_shift.in_features(trial.config, tests, features)
      row |= measure_shift(
        net,
        variables,
        build_shift.with_features(trial.shift, groups),
        logits,
        dataset.test_labels,
        num_classes=dataset.num_classes,
        preprocess=trial.preprocess,
      )
    if trial.outside is not None:
      found, curves = detect(
        net,
        variables,
        batch,
        trial.outside,
        recipe,
        num_classes=dataset.num_classes,
        preprocess=preprocess,
        key=network_keys(trial.config.seed, 1)[0],
      )
      row |= found
      keep_curves(trial, 'whole', curves)
  classes = dataset.num_classes
  size = stored_ipc(trial.experiment.cells, classes), classes
  chosen = {name: CORESETS[name](features, labels, *size) for name in names}
  return {
    'row': row,
    'coresets': {name: rows.tolist() for name, rows in chosen.items()},
    'groups': groups,
  }


def _networks(
  trial: Trial, batch: Batch, preprocess: Preprocessing, recipe: Recipe
) -> Variables:
  """Trains the networks, or reads those of a run that had the same ones."""
  config, dataset, net = trial.config, trial.dataset, trial.experiment.net
  seeds = network_keys(config.seed, config.whole.seeds)
  shape = dataset.train_images.shape[1:]
  made_of = {
    'network': config.network.to_dict(),
    'whole': config.whole.to_dict(),
    'outputs': batch.targets.shape[1],
    'classes': dataset.num_classes,
    'precision': config.precision,
    'deterministic': config.deterministic,
  }

  def train() -> Variables:
    return fit_in_turn(
      net,
      batch,
      recipe,
      tell=trial.tell,
      parts=adding(trial.parts, made_of, 'the whole training set'),
      num_classes=dataset.num_classes,
      input_shape=shape,
      seeds=seeds,
      preprocess=preprocess,
    )

  if trial.kept is None:
    return train()
  return trial.kept.tree(
    'the network on the whole training set',
    made_of,
    (
      dataset.train_images,
      dataset.train_labels,
      trial.preprocess.to_arrays(),
      jax.random.key_data(seeds),
    ),
    train,
    like=jax.eval_shape(
      jax.vmap(lambda key: networks.init(net, key, shape)), seeds
    ),
  )
