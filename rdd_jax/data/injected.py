"""Says in words what was injected into the training rows."""

from __future__ import annotations

from rdd_jax.data.dataset import Dataset
from rdd_jax.data.noise.inject import effective_rate

MOCK = (
  'all images are mock, drawn at random: no number says anything of real ones'
)
CAME = 'minority'  # rare data that is only looked for, and changes no row


def injected(dataset: Dataset, noise: str, rare: str) -> list[str]:
  """Returns a sentence for each thing that was done on purpose; [] for none.

  That the images themselves are mock comes first.

  Args:
    dataset: as it is distilled.
    noise: the noise model, see `corrupt`; '' is none.
    rare: the kind of rare data, see `rarefy`; '' is none.

  >>> from dataclasses import replace
  >>> import numpy as np
  >>> from rdd_jax.data.mock import mock
  >>> clean = replace(mock((4, 4, 1), num_classes=2, n=10), name='mine')
  >>> noisy = replace(clean, train_true_labels=np.zeros(10, np.int32))
  >>> injected(noisy, 'symmetric-0.5', '')
  ['50.0 % of labels were made wrong on purpose (symmetric-0.5)']
  >>> injected(clean, '', '')
  []
  >>> injected(mock('mnist', n=10), '', '')
  ['all images are mock, drawn at random: no number says anything of real ones']
  """
  found = [MOCK] if dataset.name.startswith('mock:') else []
  if noise:
    rate = 100 * effective_rate(dataset)
    found.append(f'{rate:.1f} % of labels were made wrong on purpose ({noise})')
  if rare and rare.partition('-')[0] != CAME and dataset.train_rare is not None:
    share = 100 * dataset.train_rare.mean()
    found.append(
      f'a group of {share:.1f} % of training rows was made rare on purpose '
      f'({rare})'
    )
  return found
