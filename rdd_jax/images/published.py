"""What is known of published data sets without their files."""

from __future__ import annotations

# TFDS name -> ((height, width, channels), number of classes).
SHAPES: dict[str, tuple[tuple[int, int, int], int]] = {
  'mnist': ((28, 28, 1), 10),
  'fashion_mnist': ((28, 28, 1), 10),
  'svhn_cropped': ((32, 32, 3), 10),
  'cifar10': ((32, 32, 3), 10),
  'cifar100': ((32, 32, 3), 100),
  'tiny_imagenet': ((64, 64, 3), 200),
  'imagenet10': ((128, 128, 3), 10),
  'waterbirds': ((64, 64, 3), 2),
  'celeba': ((64, 64, 3), 2),
  'imagenet2012': ((224, 224, 3), 1000),
}
# Training rows, and those that networks are tested on: a validation split
# where the test split has no labels.
ROWS: dict[str, tuple[int, int]] = {
  'mnist': (60_000, 10_000),
  'fashion_mnist': (60_000, 10_000),
  'svhn_cropped': (73_257, 26_032),
  'cifar10': (50_000, 10_000),
  'cifar100': (50_000, 10_000),
  'tiny_imagenet': (100_000, 10_000),
  'waterbirds': (4795, 5794),
  'celeba': (162_770, 19_962),
  'imagenet2012': (1_281_167, 50_000),
}
# Bytes of files, about, where they are many: of the archives of ImageNet's
# training and validation images. TFDS keeps the same JPEG files.
ON_DISK = {'imagenet2012': 145 * 10**9}
DIGITS = (8, 8, 1), 10  # of the embedded digits, which need no mock
GROUPED = ('waterbirds', 'celeba')  # whose rows come with groups

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# (mean, std) of each channel, as published with DC, DSA and DM, and for
# Waterbirds and CelebA with group DRO. MTT gives CIFAR-100 those of CIFAR-10.
STATISTICS = {
  'mnist': ((0.1307,), (0.3081,)),
  'fashion_mnist': ((0.2861,), (0.3530,)),
  'svhn': ((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
  'cifar10': ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
  'cifar100': ((0.5071, 0.4866, 0.4409), (0.2673, 0.2564, 0.2762)),
  'tiny_imagenet': IMAGENET,
  'imagenet10': IMAGENET,
  'waterbirds': IMAGENET,
  'celeba': IMAGENET,
  'imagenet': IMAGENET,
}
