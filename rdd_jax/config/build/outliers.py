"""Links that append outliers, by the names that configurations use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rdd_jax.config.build.context import Context, Factory
from rdd_jax.config.build.ood import tested
from rdd_jax.core.errors import UserError
from rdd_jax.core.transform import Transform
from rdd_jax.data import load_ood, load_outliers
from rdd_jax.data.ood.outliers import absent
from rdd_jax.data.ood.overlap import Overlap, without_copies
from rdd_jax.images.corruptions import in_turn, named, one_of
from rdd_jax.images.families import CORE
from rdd_jax.robust import expose_outliers, oe
from rdd_jax.runtime.logging import say


def _expose(
  context: Context,
  *,
  corruptions: Sequence[str] = CORE,
  by_slot: bool = False,
  slots: int = 1,
  **options: Any,
) -> Transform:
  """Pseudo-outliers; each slot has a corruption of its own with `by_slot`."""
  chosen = [named(name) for name in corruptions]
  return expose_outliers(
    in_turn(*chosen, period=slots) if by_slot else one_of(*chosen),
    context.spec.num_classes,
    to_pixels=context.preprocess.inverse,
    to_inputs=context.preprocess,
    slots=slots,
    **options,
  )


def _oe(
  context: Context,
  *,
  source: str,
  images: int = 10_000,
  overlap: Overlap = 'refuse',
  **options: Any,
) -> Transform:
  """Real outliers, so many `images` of a source, none of them tested on."""
  height, width, channels = context.input_shape
  dataset = context.dataset
  try:
    found = load_outliers(
      source,
      (height, width, channels),
      rows=images,
      seed=context.seed,
      data_dir=context.data_dir or None,
      class_names=() if dataset is None else dataset.class_names,
      overlap=overlap,
    )
  except UserError:
    if not (context.mock and absent(source, context.data_dir or None)):
      raise
    like = np.zeros((2, height, width, channels), np.uint8)
    found = load_ood(('patches',), like, 200, seed=context.seed)[0].images
  if dataset is not None:
    found, copies = without_copies(found, *tested(context.config, dataset))
    if not len(found):
      raise UserError(
        f'{source}: all {copies:,} images are in the data or in a set that is '
        'tested, so they are no outliers; give another source'
      )
    if copies:
      say(
        f'{source}: {copies:,} images are in the data or in a set that is '
        'tested, and left out of the outliers'
      )
  return oe(
    found, context.spec.num_classes, to_inputs=context.preprocess, **options
  )


OUTLIER_FACTORIES = {'expose_outliers': Factory(_expose), 'oe': Factory(_oe)}
