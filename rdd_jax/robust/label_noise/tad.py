"""Trust-aware diversion: distill from what can be trusted of noisy labels.

Wu et al., Trust-Aware Diversion for Data-Effective Distillation, arXiv
2502.05027. **A reconstruction**: only the abstract and summaries of the paper
were at hand. The data is divided into trusted and untrusted rows; untrusted
rows are recalibrated, and some come back with another label; distillation sees
both.

Deviations:
  As far as they can be known, all but the division itself. A probe is asked
  only about rows that it did not train on; noise is estimated, class by class;
  by the posterior of the true class, given a row and its label, rows are
  trusted and relabeled, so many that the noise that is expected in what is
  handed on stays small: the number that is trusted follows the noise, and
  clean labels stay. Labels that depend on the image cannot be told from hard
  images: they are suspected where wrong labels go to classes that look alike,
  and where probes agree more than labels do. The summaries' mixture of losses,
  and their distances to anchors, are in `tad_fixed.py`. There is one division,
  before distillation begins: in a trial, probes that trained on what the first
  one hands on ranked rows no better, and were too sure.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.data_view import Keep, unkept
from rdd_jax.core.errors import UserError
from rdd_jax.core.transform import DataView, Tell, Transform, untold
from rdd_jax.robust.label_noise import crossfit, patches
from rdd_jax.robust.label_noise.crossfit import FOLDS, Folds, Scores
from rdd_jax.robust.label_noise.estimate import estimate
from rdd_jax.robust.label_noise.model import NoiseModel
from rdd_jax.robust.label_noise.record import Division, once
from rdd_jax.robust.label_noise.select import Chosen, Selection, check, select

TRIED = 4000  # rows on which mirror images are tried,
TRIED_PATCHES = 128  # with so many patches


class Asked(NamedTuple):
  """What cross-fitted probes say of a data set, and how it was dealt out."""

  scores: Scores
  folds: Folds


def ask(
  key: Array,
  images: Array,
  labels: Array,
  num_classes: int,
  size: int = 512,
  tell: Tell = untold,
  keep: Keep = unkept,
) -> Asked:
  """Trains probes crosswise, on features of patches, and asks them.

  Whether features are means over an image and its mirror image is decided by
  the held-out error of smaller probes on some of the rows.

  Args:
    key: a random key.
    images: `u8[N, H, W, C]`.
    labels: `i[N]`, as given.
    num_classes: their number.
    size: patches in the dictionary; it costs memory of `32 N size` bytes.
    tell: see `DataView`.
    keep: keeps what the probes say of each set of features, likewise.
  """
  from threadpoolctl import threadpool_limits

  labels = jnp.asarray(labels, jnp.int32)
  n = labels.shape[0]
  dealt = crossfit.folds(keys.named(key, 'folds'), labels)
  dictionary = patches.learn(keys.named(key, 'patches'), images, size)
  every = (dictionary, images, labels, dealt.rows)
  tried = every
  if n > TRIED:
    some = jax.random.permutation(keys.named(key, 'some'), n)[:TRIED]
    few = crossfit.folds(keys.named(key, 'few'), labels[some])
    small = dictionary._replace(atoms=dictionary.atoms[:, :TRIED_PATCHES])
    tried = (small, images[some], labels[some], few.rows)

  def scores(
    stage: str,
    dictionary: patches.Dictionary,
    images: Array,
    labels: Array,
    rows: Array,
    mirror: bool,
  ) -> Scores:
    def compute() -> Scores:
      x = patches.features(dictionary, images, mirror, partial(tell, stage))
      tell(f'{stage}, {FOLDS} probes', 0, 1)
      found = jax.block_until_ready(_probe(x, labels, rows, num_classes))
      tell(f'{stage}, {FOLDS} probes', 1, 1)
      return found

    count = labels.shape[0]
    return keep(
      f'probes of {stage}',
      {'mirror': mirror, 'classes': num_classes},
      (dictionary, images, labels, rows),
      compute,
      jax.eval_shape(partial(_nothing, count, num_classes)),
    )

  # Where cores are busy, threads of a factorization wait for each other, up to
  # a hundred times as long as one alone takes.
  with threadpool_limits(1):
    plain = scores('images as they are', *tried, mirror=False)
    mirrored = scores('and mirrored', *tried, mirror=True)
    mirror = float(mirrored.error) < float(plain.error)
    found = mirrored if mirror else plain
    if tried is not every:
      found = scores('all images', *every, mirror=mirror)
    return Asked(found, dealt)


_probe = jax.jit(crossfit.probe, static_argnums=3)


def _nothing(n: int, k: int) -> Scores:
  """Scores of the shapes and dtypes of those of `n` rows and `k` classes."""
  one = jnp.zeros([])
  return Scores(jnp.zeros((n, k)), one, one, one, one)


def divide(
  asked: Asked,
  labels: Array,
  selection: Selection,
  groups: Array | None = None,
  num_groups: int = 0,
  tell: Tell = untold,
) -> Chosen:
  """Estimates the noise, and selects what is handed on.

  Args:
    asked: by `ask`.
    labels: `i[N]`, as given.
    selection: how much is handed on.
    groups: `i[N]`, where they are known.
    num_groups: the number of known groups.
    tell: see `DataView`.
  """
  labels = jnp.asarray(labels, jnp.int32)
  scores, differ = asked.scores.scores, asked.scores.disagreement
  models = estimate(
    scores, labels, asked.folds.halves, differ, partial(tell, 'noise')
  )
  return _select(models, labels, selection, groups, num_groups)


@partial(jax.jit, static_argnames=('selection', 'num_groups'))
def _select(
  models: list[NoiseModel],
  labels: Array,
  selection: Selection,
  groups: Array | None,
  num_groups: int,
) -> Chosen:
  chances = [model.posterior(labels) for model in models]
  wary = [model.wary(labels) for model in models]
  right = jnp.take_along_axis(wary[0], labels[:, None], 1)[:, 0]
  chances = jnp.stack([*chances, *wary])
  return select(chances, labels, selection, groups, num_groups, right)


def trust_aware(
  num_classes: int,
  selection: Selection = Selection(),
  *,
  size: int = 512,
  num_groups: int = 0,
) -> Transform:
  """Diverts the measure to what can be trusted, before distillation begins.

  Rows that are left out get weight 0, and relabeled rows change target and
  cell. The labels of the data set, not of the measure, are those in doubt.

  Args:
    num_classes: their number.
    selection: how much is handed on.
    size: patches that the probe's features compare images with.
    num_groups: of the groups that the measure knows.

  Raises:
    UserError: for shares out of range.

  Source: Wu et al., arXiv 2502.05027; Northcutt et al., JAIR 2021.

  >>> from rdd_jax.core.transform import DataSpec
  >>> state = trust_aware(2).init(DataSpec(3, 2, 2, 2, 0))
  >>> state.trusted.shape
  (1, 3)
  """
  check(selection)
  if size < 1:
    raise UserError(f'trust size={size}: give at least one patch')

  def division(groups: Array | None, key: Array, data: DataView) -> Division:
    asked = ask(
      *(key, data.images, data.labels, num_classes, size),
      *(data.tell, data.keep),
    )
    found = divide(asked, data.labels, selection, groups, num_groups, data.tell)
    return Division(
      found.trusted,
      found.relabeled,
      found.labels,
      found.doubt,
      jax.device_put(np.stack([found.given_noise, found.noise])),
    )

  options = {
    'num_classes': num_classes,
    'selection': selection._asdict(),
    'size': size,
    'num_groups': num_groups,
  }
  return once(division, "TAD's division", options, by_group=bool(num_groups))
