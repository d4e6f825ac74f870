"""Marks what stands in this folder: `pytest -m end_to_end` runs it alone.

And makes a folder of images for it.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image
import pytest

from rdd_jax import data

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
  for item in items:
    if HERE in item.path.parents:
      item.add_marker(pytest.mark.end_to_end)


@pytest.fixture(scope='session')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """The digits, as PNG files in directories of classes."""
  root, digits = tmp_path_factory.mktemp('digits'), data.load('digits')
  for split, images, labels in (
    ('train', digits.train_images[::2], digits.train_labels[::2]),
    ('test', digits.test_images[::5], digits.test_labels[::5]),
  ):
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
      path = root / split / str(label) / f'{row:04}.png'
      path.parent.mkdir(parents=True, exist_ok=True)
      Image.fromarray(image[..., 0]).save(path)
  return root
