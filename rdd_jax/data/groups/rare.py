"""Subgroups that are rare in training, made of any data set."""

from __future__ import annotations

from collections.abc import Callable

from jax import Array

from rdd_jax.core import naming
from rdd_jax.core.errors import UserError
from rdd_jax.core.keys import named
from rdd_jax.data.dataset import Dataset
from rdd_jax.data.groups.biased import painted
from rdd_jax.data.groups.cues import CUES
from rdd_jax.data.groups.subsets import long_tail, minority, thin


def rarefy(dataset: Dataset, spec: str, key: Array) -> Dataset:
  """Makes a subgroup of the data set rare in training.

  | spec | what is rare |
  |---|---|
  | `line-S` | a gray line on the edge, top or bottom, that is not where half |
  | | of the classes have it and half have not |
  | `patch-S` | a checkered square that is not in its class's corner |
  | `shade-S` | light from the side, left or right, that is not the class's |
  | `tint-S` | a cast, warm or cold, likewise; as `shade` where images have no |
  | | color |
  | `coloured-S` | Colored MNIST: bright parts in a hue that is not the |
  | | class's, on black (FairDD, arXiv 2411.19623; Cui et al. 2024) |
  | `background-S` | its variant: the hue is that of the dark parts |
  | `greyscale-S` | CIFAR10-S: in gray though the class is in color, or the |
  | | other way round; half of the classes each (Wang et al. 2020) |
  | `thin-S` | of each class, the smallest of 4 clusters of pixels, of which |
  | | a share S of the rows is kept |
  | `longtail-F` | the last third of the classes: sizes fall by a factor F |
  | | from the first to the last, exponentially (Cui et al. 2019) |
  | `minority-S` | groups that came with the data, where they make up no more |
  | | than a share S of the training rows of their class |

  In the first seven, a share S of the training rows of each class conflicts
  with it, the other values of the cue in turns; rows that conflict are among
  those of any larger S. Among the test rows of a class all values of the cue
  are equally frequent, to a row. Which classes go with which value is drawn.
  `coloured` and `background` make three channels of any number, whose mean and
  standard deviation a run fits. `greyscale` has each test row in color and in
  gray, one after the other.

  Groups: 0 where the cue agrees with the class, and 1 where it does not; in
  `coloured`, `background` and `greyscale` the hue or the version, as published;
  in `thin` 1 is the thinned cluster; in `longtail` 0, 1 and 2 are the thirds.
  The hues are equally spaced, at most ten of them; those of the papers are not
  known to us.

  Args:
    dataset: whose labels are true; without groups, but for `minority`.
    spec: the kind, and its share or factor.
    key: the same key gives the same data, on any machine (in `thin` up to
      rows whose distances to two clusters are equal but for rounding).

  Returns:
    The data set with `train_groups`, `test_groups`, `train_rare` and
    `test_rare` set. `thin` and `longtail` take training rows away, `minority`
    changes none.

  Raises:
    UserError: for a spec that is none, data that has groups or noise already,
      too few classes or rows, and where nothing would be rare.
  """
  kind, (number,) = naming.parse('rare data', spec, SPECS)
  if dataset.train_true_labels is not None:
    raise UserError(
      f'the labels of {dataset.name} are noisy already; make rows rare first'
    )
  if dataset.num_classes < 2:
    raise UserError(
      f'{dataset.name} has one class, which no cue can go with; leave out the '
      'rare data'
    )
  given = [g is not None for g in (dataset.train_groups, dataset.test_groups)]
  if kind == 'minority' and not all(given):
    raise UserError(
      f'{spec!r} needs groups in both splits of {dataset.name}; give '
      'train_groups and test_groups, or take another kind of rare data'
    )
  if kind != 'minority' and any(given):
    raise UserError(
      f'{dataset.name} has groups already, which {spec!r} would replace; take '
      'minority-S, or give the data without groups'
    )
  found = KINDS[kind](dataset, number, named(key, 'rare'))
  assert found.train_rare is not None
  if not found.train_rare.any():
    raise UserError(
      f'{spec!r} leaves no rare training row in {dataset.name}; raise the '
      'share or take more rows'
    )
  return found


def recoloured(spec: str) -> bool:
  """Tells whether channels change, so that published statistics do not hold.

  >>> recoloured('coloured-0.05'), recoloured('line-0.05')
  (True, False)
  """
  return spec.partition('-')[0] in ('coloured', 'background')


KINDS: dict[str, Callable[[Dataset, float, Array], Dataset]] = {
  **{name: painted(cue) for name, cue in CUES.items()},
  'thin': thin,
  'longtail': long_tail,
  'minority': minority,
}
SHARE = naming.Value('share', 0.1, 'in (0, 1)', lambda share: 0 < share < 1)
FACTOR = naming.Value(
  'factor', 100, 'above 1', lambda factor: 1 < factor < float('inf')
)
SPECS = {**dict.fromkeys(KINDS, (SHARE,)), 'longtail': (FACTOR,)}
