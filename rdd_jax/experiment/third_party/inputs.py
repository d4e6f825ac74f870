"""From the pixels of a set of others to what networks take."""

from __future__ import annotations

from rdd_jax.artifact import third_party
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError, choose
from rdd_jax.experiment.third_party.recipe import learning_rate
from rdd_jax.experiment.third_party.told import Told
from rdd_jax.images.published import STATISTICS

WHITENING = 0.1  # the regularisation of MTT and its successors
CONVENTIONS = ('kornia', 'frepo')


def configure(config: Config, told: Told, found: third_party.Images) -> None:
  """Sets whitening, learning rate and loss as a set needs them.

  Args:
    config: which evaluates it, changed in place.
    told: what the user says of it.
    found: what its images and labels are.

  Raises:
    UserError: for an unknown convention of whitening, one where nothing is
      whitened, or a learning rate that is none.
  """
  if found.scale == 'whitened' and not config.data.zca:
    config.data.zca = WHITENING
  if told.zca_convention:
    choose('zca convention', told.zca_convention, dict.fromkeys(CONVENTIONS))
    if not config.data.zca:
      raise UserError(
        f'--zca_convention={told.zca_convention}, but nothing is whitened; '
        f'pass --scale=whitened, or --zca={WHITENING}, or leave it out'
      )
    config.data.zca_convention = told.zca_convention
  if told.learning_rate:
    config.evaluation.learning_rate = learning_rate(told.learning_rate)
  if found.labels.kind == 'free':  # which cross-entropy cannot take
    config.evaluation.loss = 'squared'


def factor_of(
  told: int, like: int | None, found: third_party.Images, where: str
) -> tuple[int, tuple[str, ...]]:
  """Returns the factor of multi-formation of a set, and how it is known.

  Args:
    told: by the user; 0 is not.
    like: of the configuration that was given, if one was.
    found: the images.
    where: what errors call the set.

  Raises:
    UserError: if images cannot be cut so.

  >>> import numpy as np
  >>> labels = third_party.Targets(np.eye(1), np.zeros(1, int), 'hard')
  >>> found = third_party.Images(np.zeros((1, 4, 4, 1)), 'unit', labels, ())
  >>> factor_of(2, None, found, 'it')
  (2, ('factor 2 taken: each image is 4 rows',))
  """
  factor = told or like or 1
  height, width = found.images.shape[1:3]
  if factor < 1 or any(
    (factor - 1) * -(-side // factor) >= side for side in (height, width)
  ):
    raise UserError(
      f'{where} has images of {height}x{width}, which factor {factor} cannot '
      'cut; pass --factor=1, or 2 for the usual multi-formation'
    )
  if factor > 1 and found.scale == 'whitened':
    raise UserError(
      f'{where} is whitened, and its tiles (factor {factor}) cannot be brought '
      'back to pixels one by one; pass --factor=1, or another --scale'
    )
  rows = f'each image is {factor**2} rows' if factor > 1 else 'no tiles'
  if found.scale == 'standardized' and (height % factor or width % factor):
    rows += ', padded with gray pixels where IDC pads standardized ones by 0.5'
  seen = third_party.seams(found.images)
  if told:
    return factor, (f'factor {factor} taken: {rows}',)
  notes: tuple[str, ...] = (f'factor {factor} taken from --like: {rows}',)
  if like is None:
    notes = (
      f'factor 1 assumed: {rows}; pass --factor=2 if each image stores four '
      '(multi-formation, as IDC and NCFM do)',
    )
  if seen > factor:
    notes += (
      f'WARNING: images have seams as those of factor {seen}; pass '
      f'--factor={seen} if they are tiled, --factor={factor} if they are not',
    )
  return factor, notes


def preprocessing_note(config: Config) -> str:
  """Returns the sentence that says what networks take.

  >>> from rdd_jax.config import defaults
  >>> preprocessing_note(defaults.config())
  'networks take pixels standardized as the training rows are'
  """
  options = config.data
  if options.zca:
    frepo = options.zca_convention == 'frepo'
    of_mean = ' of their mean' if frepo else ''
    return (
      f'networks take images whitened by ZCA of the training rows, '
      f'{options.zca:g}{of_mean} added to the eigenvalues (the convention of '
      f'{options.zca_convention}{other_convention(config)})'
    )
  if not options.mean:
    return 'networks take pixels standardized as the training rows are'
  means = ', '.join(f'{m:g}' for m in options.mean)
  stds = ', '.join(f'{s:g}' for s in options.std)
  told = f'networks take pixels less ({means}), over ({stds})'
  if tuple(options.mean) == STATISTICS['cifar100'][0]:
    told += (
      ", as DC's; MTT and DATM took those of CIFAR-10, as "
      '--like=configs/mtt_cifar100.py does'
    )
  return told


def other_convention(config: Config) -> str:
  """Returns how to whiten otherwise; '' where nothing is whitened.

  >>> from rdd_jax.config import defaults
  >>> other_convention(defaults.config())
  ''
  """
  if not config.data.zca:
    return ''
  other = 'kornia' if config.data.zca_convention == 'frepo' else 'frepo'
  return f', or --zca_convention={other}'
