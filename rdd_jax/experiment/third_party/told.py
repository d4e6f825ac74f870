"""What the flags say of a set that others made."""

from __future__ import annotations

from typing import NamedTuple


class Told(NamedTuple):
  """What the user says of a set; '', 0 and None leave it to be found out.

  Attributes:
    labels: a file of their own, or a pattern of several, or 'ordered'; see
      `artifact.third_party.understand`, and so all up to `experiment`.
    images_key: the name of the images in their file.
    labels_key: the name of the labels in theirs.
    layout: 'HWC' or 'CHW'.
    scale: see `artifact.third_party.pixels.SCALES`.
    label_kind: 'hard', 'probabilities', 'logits' or 'free'.
    classes: a file of class names, one a line; see `read_names`.
    experiment: of several in a file.
    factor: of multi-formation; 0 takes that of the configuration, or 1.
    zca_convention: 'kornia' or 'frepo'; see `images.preprocessing.fit`.
    learning_rate: of the networks, a number or a file; see `learning_rate`.
  """

  labels: str = ''
  images_key: str = ''
  labels_key: str = ''
  layout: str = ''
  scale: str = ''
  label_kind: str = ''
  classes: str = ''
  experiment: int | None = None
  factor: int = 0
  zca_convention: str = ''
  learning_rate: str = ''
