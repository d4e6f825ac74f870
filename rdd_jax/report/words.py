"""Explains in words what the names of a configuration stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rdd_jax.report.table import arm

# By the name of an objective: what it is called, and how images are found.
OBJECTIVES: Mapping[str, tuple[str, str]] = {
  'distribution': (
    'distribution matching (DM)',
    'networks with random weights have the same mean features on them as on '
    'the training images',
  ),
  'gradient': (
    'gradient matching (DC, dataset condensation)',
    'they give networks the same gradients as the training images do',
  ),
  'trajectory': (
    'trajectory matching (MTT, matching training trajectories)',
    'networks that are trained on them move as experts that were trained on '
    'the training images did',
  ),
  'unrolled': (
    'back-propagation through time (BPTT)',
    'networks that are trained on them, step by step, have a small loss on the '
    'training images',
  ),
  'kip': (
    'kernel inducing points (KIP)',
    'kernel ridge regression on them predicts the training images',
  ),
  'frepo': (
    'neural feature regression with pooling (FRePo)',
    'ridge regression on the features of networks predicts the training images',
  ),
  'rfad': (
    'random feature approximation distillation (RFAD)',
    'regression by random features predicts the training images',
  ),
  'rcig': (
    'reparameterized convexified implicit gradients (RCIG)',
    'networks whose last layer is fitted to them predict the training images',
  ),
}

_TAD = (
  'TAD (trust-aware diversion)',
  'finds labels that are probably wrong, gives some of these images a better '
  'label, and leaves the others out',
)
_DRO = (
  'group DRO (distributionally robust optimization)',
  'groups on which the loss is high count more',
)
# By the factory of a link in a chain: what it is called, and what it does.
LINKS: Mapping[str, tuple[str, str]] = {
  'trust_aware': _TAD,
  'divert': _TAD,
  'clean_first': (
    'relabeling',
    'gives images the label that a network predicts, before distillation',
  ),
  'confident_learning': (
    'confident learning',
    'leaves images out whose label a cross-validated network contradicts',
  ),
  'oracle': ('the oracle', 'knows the true labels, which no real run does'),
  'expose_outliers': (
    'TrustDD (trustworthy dataset distillation)',
    'networks also see corrupted copies of the images, pseudo-outliers, and '
    'are taught to be unsure of them',
  ),
  'oe': (
    'OE (outlier exposure)',
    'networks also see real outliers, and are taught to be unsure of them',
  ),
  'balance': ('balanced groups', 'every group counts alike, rare ones too'),
  'regroup': (
    'found groups',
    'groups within a class are found by what an early network sees',
  ),
  'relative_difficulty': (
    'LfF (learning from failure)',
    'images that a biased network finds difficult count more',
  ),
  'voronoi': ('cells', 'images are grouped by the nearest of some centers'),
  'tilt': _DRO,
  'exponentiated': _DRO,
}

ARMS: Mapping[str, str] = {
  'random': 'real training images, drawn at random, as many as the set stores',
  'herding': 'real training images whose mean feature is that of their class',
  'k_center': 'real training images that leave no other far from all of them',
  'initial': 'the images that distillation started from',
  'whole': 'networks trained on the whole training set',
  'distilled': 'the synthetic images of this page',
  'plain': 'the method alone, without any protection',
  'all of it': 'all parts at once: the synthetic images of this page',
}


def parts(config: Mapping[str, Any]) -> dict[str, str]:
  """Returns what each link of the chains is called and does, once each.

  Args:
    config: as `config.json`.

  >>> chain = {'balance': {'factory': 'balance'}}
  >>> parts({'transform': chain, 'training': {}, 'student': {}})
  {'balanced groups': 'every group counts alike, rare ones too'}
  """
  found = {}
  for place in ('transform', 'training', 'student'):
    for name, options in config.get(place, {}).items():
      kind = options.get('factory', name)
      called, does = LINKS.get(kind, (name, f'a link of its own, {kind}'))
      found[called] = does
  return found


def arms(names: Sequence[str], links: Mapping[str, str]) -> dict[str, str]:
  """Explains the sets that are compared.

  Args:
    names: of the rows of a table.
    links: what is called what, see `parts`.
  """
  found = {}
  for name in names:
    if name in ARMS:
      found[arm(name)] = ARMS[name]
      continue
    by = next((k for k in links if k.lower().startswith(name.lower())), '')
    if by:
      found[arm(name)] = f'the method with {by} alone'
  return found
