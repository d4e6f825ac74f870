"""Tiny ImageNet as it is published."""

from __future__ import annotations

from data.readers.folder_cases import COLOR, fails, save
import numpy as np
import pytest

from rdd_jax import data


@pytest.fixture
def root(tmp_path):
  root = tmp_path / 'tiny-imagenet-200'
  lines = []
  for c, wnid in enumerate(('n3', 'n1', 'n2')):
    for i in range(3):
      pixels = COLOR // (c + 2) + np.uint8(i)
      save(root / 'train' / wnid / 'images' / f'{wnid}_{i}.png', pixels)
    save(root / 'train' / wnid / f'{wnid}_boxes.txt', 'a')
    save(root / 'val' / 'images' / f'val_{c}.png', COLOR // (c + 2))
    lines.append(f'val_{c}.png\t{wnid}\t0\t0\t62\t62\n')
    save(root / 'test' / 'images' / f'test_{c}.png')
  save(root / 'val' / 'val_annotations.txt', ''.join(lines))
  save(root / 'wnids.txt', 'n3\nn1\nn2\n')
  save(root / 'words.txt', 'n1\tegg, oval\nn2\tcrane\nn3\tcrane, bird\nn4\tx\n')
  return root


@pytest.mark.parametrize('inner', [True, False])
def test_all_of_it(root, inner, capsys):
  found = data.load(f'folder:{root if inner else root.parent}')
  lines = capsys.readouterr().out.splitlines()
  assert found.class_names == ('egg', 'crane (n2)', 'crane (n3)')
  assert found.train_labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
  assert found.train_names[0] == 'train/n1/images/n1_0.png'
  assert found.test_names[0] == 'val/images/val_0.png'
  assert found.test_labels.tolist() == [2, 0, 1]
  np.testing.assert_array_equal(found.test_images[0], COLOR // 2)
  assert '6 of 18 files are left out: 3 that are no images (' in lines[0]
  assert '3 without a label (test/images/test_0.png, ' in lines[0]
  assert lines[1].endswith('tiny-imagenet-200 as published')


def test_images_that_annotations_do_not_name(root, capsys):
  save(root / 'val' / 'images' / 'more.png')
  (root / 'words.txt').unlink()
  assert data.load(f'folder:{root}').class_names == ('n1', 'n2', 'n3')
  out = capsys.readouterr().out
  assert '1 not named in val_annotations.txt (val/images/more.png)' in out


def test_damaged_annotations(root):
  save(root / 'val' / 'val_annotations.txt', 'val_0.png\tn9\nval_1.png\n')
  fails(r'val has 1 classes \(n9\) that train lacks', root)
