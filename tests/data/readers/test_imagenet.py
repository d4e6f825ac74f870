"""ImageNet by folder: classes in the order of their WNIDs, as the field has."""

from __future__ import annotations

from pathlib import Path

from data.readers.folder_cases import COLOR, fails, save
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.config.build.data import load
from rdd_jax.config.presets.registry import preset

WNIDS = ('n02110185', 'n01440764', 'n01443537')  # as a disk may list them


@pytest.fixture
def root(tmp_path):
  root = tmp_path / 'imagenet'
  for c, wnid in enumerate(WNIDS):
    for i in range(3):
      save(root / 'train' / wnid / f'{wnid}_{i}.JPEG', COLOR // (c + 2))
    save(root / 'val' / wnid / f'ILSVRC2012_val_{c}.JPEG', COLOR // (c + 2))
  return root


def test_classes_are_in_the_order_of_their_wnids(root):
  """That of torchvision's folders, and of the labels of TFDS."""
  found = data.load(f'folder:{root}', size=8)
  assert found.class_names == tuple(sorted(WNIDS))
  assert found.train_labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
  assert found.test_labels.tolist() == [0, 1, 2]
  assert found.test_names is not None
  assert found.test_names[2] == f'val/{WNIDS[0]}/ILSVRC2012_val_0.JPEG'
  assert found.train_images.shape == (9, 8, 8, 3)


def test_wnids_of_tfds_are_in_that_order_too():
  tfds = pytest.importorskip('tensorflow_datasets')
  names = Path(tfds.__file__).parent / 'datasets/imagenet2012/labels.txt'
  listed = names.read_text().split()
  assert listed == sorted(listed)
  assert len(listed) == data.SHAPES['imagenet2012'][1]


def test_a_config_reads_it_at_224_pixels(root):
  config = preset('rded', 'imagenet')(f'data=folder:{root}')
  found = load(config)
  assert found.image_shape == (224, 224, 3)
  assert np.bincount(found.train_labels).tolist() == [3, 3, 3]


def flat(root, inner=''):
  """Validation images side by side, as archives unpack."""
  base = root / inner
  lines = ['ImageId,PredictionString']
  for c, wnid in enumerate(WNIDS):
    save(base / 'train' / wnid / f'{wnid}_0.JPEG', COLOR // (c + 2))
    save(base / 'val' / f'ILSVRC2012_val_{c}.JPEG', COLOR // (c + 2))
    save(base / 'test' / f'ILSVRC2012_test_{c}.JPEG', COLOR)
    lines.append(f'ILSVRC2012_val_{c},{wnid} 1 2 3 4 {wnid} 5 6 7 8')
  return base, '\n'.join(lines) + '\n'


@pytest.mark.parametrize('inner', ['', 'ILSVRC/Data/CLS-LOC'])
@pytest.mark.parametrize('outer', [True, False])
def test_labels_of_validation_images_are_kaggles(
  tmp_path, capsys, inner, outer
):
  root = tmp_path / 'archive'
  base, labels = flat(root, inner)
  save(root / 'LOC_val_solution.csv', labels)
  words = [f'{w} {name}, or so' for w, name in zip(WNIDS, 'abc', strict=True)]
  save(root / 'LOC_synset_mapping.txt', '\n'.join(words))
  place = root if outer else base
  found = data.load(f'folder:{place}', size=8)
  assert found.class_names == ('b', 'c', 'a')
  assert found.train_labels.tolist() == [0, 1, 2]
  assert found.test_labels.tolist() == [2, 0, 1]
  assert found.train_names is not None
  assert found.train_names[2].endswith(f'train/{WNIDS[0]}/{WNIDS[0]}_0.JPEG')
  said = capsys.readouterr().out
  assert '3 without a label' in said
  assert 'ImageNet as it is unpacked' in said


def test_without_labels_it_says_what_to_do(tmp_path):
  root = tmp_path / 'imagenet'
  flat(root)
  fails(r'LOC_val_solution.csv, which has .* each image in val/WNID/', root)
