"""Maps classes to the classes that they are confused with."""

from __future__ import annotations

import re

import numpy as np

from rdd_jax.data.dataset import Dataset

# Patrini et al. 2017 (CVPR): truck -> automobile, bird -> airplane,
# cat <-> dog, deer -> horse; the other classes are left alone.
CIFAR10 = {
  'airplane': 'airplane',
  'automobile': 'automobile',
  'bird': 'airplane',
  'cat': 'dog',
  'deer': 'horse',
  'dog': 'cat',
  'frog': 'frog',
  'horse': 'horse',
  'ship': 'ship',
  'truck': 'automobile',
}

# Krizhevsky 2009: the classes of each super-class.
SUPER_CLASSES = {
  'aquatic mammals': 'beaver dolphin otter seal whale',
  'fish': 'aquarium_fish flatfish ray shark trout',
  'flowers': 'orchid poppy rose sunflower tulip',
  'food containers': 'bottle bowl can cup plate',
  'fruit and vegetables': 'apple mushroom orange pear sweet_pepper',
  'household electrical devices': 'clock keyboard lamp telephone television',
  'household furniture': 'bed chair couch table wardrobe',
  'insects': 'bee beetle butterfly caterpillar cockroach',
  'large carnivores': 'bear leopard lion tiger wolf',
  'large man-made outdoor things': 'bridge castle house road skyscraper',
  'large natural outdoor scenes': 'cloud forest mountain plain sea',
  'large omnivores and herbivores': 'camel cattle chimpanzee elephant kangaroo',
  'medium-sized mammals': 'fox porcupine possum raccoon skunk',
  'non-insect invertebrates': 'crab lobster snail spider worm',
  'people': 'baby boy girl man woman',
  'reptiles': 'crocodile dinosaur lizard snake turtle',
  'small mammals': 'hamster mouse rabbit shrew squirrel',
  'trees': 'maple_tree oak_tree palm_tree pine_tree willow_tree',
  'vehicles 1': 'bicycle bus motorcycle pickup_truck train',
  'vehicles 2': 'lawn_mower rocket streetcar tank tractor',
}


def cifar100() -> dict[str, str]:
  """Maps each class to the next, alphabetically, of its super-class, circular.

  >>> cifar100()['mouse'], cifar100()['squirrel']
  ('rabbit', 'hamster')
  """
  return {
    name: names[(i + 1) % len(names)]
    for names in (sorted(s.split()) for s in SUPER_CLASSES.values())
    for i, name in enumerate(names)
  }


def next_class(num_classes: int) -> np.ndarray:
  """Returns the targets of pair flips `i64[num_classes]`: i -> i + 1, circular.

  >>> next_class(4).tolist()
  [1, 2, 3, 0]
  """
  return (np.arange(num_classes) + 1) % num_classes


def similar_class(dataset: Dataset) -> np.ndarray:
  """Returns the class that asymmetric noise turns each class into.

  CIFAR-10 and CIFAR-100 are recognized by their names in TFDS (or as mocks), or
  by their class names in any order. Other data sets get `next_class`.

  Returns:
    `i64[num_classes]`.

  >>> from rdd_jax.data.mock import mock
  >>> similar_class(mock('cifar10', n=10)).tolist()
  [0, 1, 0, 5, 7, 3, 6, 7, 8, 1]
  """
  scheme, _, source = dataset.name.partition(':')
  for name, mistaken in (('cifar10', CIFAR10), ('cifar100', cifar100())):
    names = list(dataset.class_names)
    if (
      scheme in ('tfds', 'mock')
      and re.split('[:/_]', source)[0] == name
      and dataset.num_classes == len(mistaken)
    ):
      names = sorted(mistaken)  # prepared without names, or mock
    if set(names) == set(mistaken):
      return np.array([names.index(mistaken[c]) for c in names])
  return next_class(dataset.num_classes)
