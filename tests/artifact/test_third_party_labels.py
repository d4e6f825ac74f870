"""Labels, names and files of others are recognized, or asked for."""

from __future__ import annotations

from artifact.third_party_cases import BYTES, LABELS, NAMES, understood
import jax
import numpy as np
import pytest

from rdd_jax.artifact import third_party
from rdd_jax.artifact.third_party.labels import by_name, in_order, targets_of
from rdd_jax.core.errors import UserError


def test_labels_are_classes_probabilities_or_logits():
  logits = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
  soft = np.asarray(jax.nn.softmax(logits))
  assert targets_of(LABELS[:, None], 6, 3, '', 'it').kind == 'hard'
  assert targets_of(np.eye(3)[LABELS], 6, 3, '', 'it').kind == 'hard'
  found = targets_of(soft, 6, 3, '', 'it')
  assert found.kind == 'probabilities'
  np.testing.assert_allclose(found.targets, soft)
  np.testing.assert_array_equal(found.cells, logits.argmax(1))
  by_logits = targets_of(logits, 6, 3, 'logits', 'it')
  np.testing.assert_allclose(by_logits.targets, soft, rtol=1e-5)
  hard = targets_of(logits, 6, 3, 'hard', 'it')
  np.testing.assert_array_equal(hard.targets.argmax(1), logits.argmax(1))
  assert hard.targets.max() == 1


@pytest.mark.parametrize(
  ('labels', 'kind', 'wrong'),
  [
    (np.zeros((6, 3)), '', 'pass --label_kind=logits'),
    (np.ones((6, 3)), 'probabilities', 'are no probabilities'),
    (np.zeros((6, 4)), '', 'have 4 columns'),
    (np.zeros(5), '', 'beside 6 images'),
    (np.full(6, 3), '', 'from 0 to 2'),
    (np.full(6, -1), '', 'from 0 to 2'),
    (np.full(6, 0.5), '', 'whole numbers'),
    (np.zeros(6), 'logits', 'cannot be logits'),
    (np.full((6, 3), np.nan), 'logits', 'not all finite'),
    (np.zeros(6), 'sharp', "unknown label kind 'sharp'"),
  ],
)
def test_labels_that_are_none_are_refused(labels, kind, wrong):
  with pytest.raises(UserError, match=wrong):
    targets_of(labels, 6, 3, kind, 'it')


def test_names_numbers_and_order():
  given = np.array([0, 1, 1])
  found = by_name(given, ('2', '10'), 'abc' * 4, 'it')
  np.testing.assert_array_equal(found, [2, 10, 10])
  with pytest.raises(UserError, match="has a class 'gnu'"):
    by_name(given, ('cat', 'gnu'), NAMES, 'it')
  np.testing.assert_array_equal(in_order(6, 3, 'it'), [0, 0, 1, 1, 2, 2])
  with pytest.raises(UserError, match='pass --labels=FILE'):
    in_order(7, 3, 'it')


def test_arrays_are_found_or_asked_for():
  raw = third_party.Raw({'a': BYTES, 'b': LABELS, 'accuracy': np.ones(3)})
  np.testing.assert_array_equal(understood(raw).labels.cells, LABELS)
  several = third_party.Raw({'a': BYTES, 'c': BYTES, 'b': LABELS})
  with pytest.raises(UserError, match='pass --images_key=a'):
    understood(several)
  assert understood(several, images_key='c').images is not None
  with pytest.raises(UserError, match="unknown array of it 'd'"):
    understood(several, images_key='d')
  with pytest.raises(UserError, match='pass --labels_key=b'):
    understood(third_party.Raw({'a': BYTES, 'b': LABELS, 'd': LABELS}))
  with pytest.raises(UserError, match='pass --labels=FILE'):
    understood(third_party.Raw({'a': BYTES}))
  ordered = understood(third_party.Raw({'a': BYTES}), labels='ordered')
  np.testing.assert_array_equal(ordered.labels.cells, [0, 0, 1, 1, 2, 2])
  with pytest.raises(UserError, match='nothing that looks like images'):
    understood(third_party.Raw({'b': LABELS}))


def test_images_and_logits_in_two_files_of_pytorch(tmp_path):
  """As DATM publishes them."""
  torch = pytest.importorskip('torch')
  logits = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
  images = BYTES.transpose(0, 3, 1, 2).astype(np.float32) / 50 - 2
  tensor = torch.tensor(images, requires_grad=True)
  torch.save(tensor, tmp_path / 'images_best.pt')
  torch.save(torch.tensor(logits), tmp_path / 'labels_best.pth')
  found = understood(
    third_party.read(tmp_path / 'images_best.pt'),
    labels=third_party.read(tmp_path / 'labels_best.pth'),
    scale='standardised',
    label_kind='logits',
  )
  np.testing.assert_array_equal(found.images, images.transpose(0, 2, 3, 1))
  np.testing.assert_allclose(
    found.labels.targets, jax.nn.softmax(logits), rtol=1e-5
  )


def test_experiments_in_nested_lists_are_told_apart(tmp_path):
  """As DC and DM publish them."""
  torch = pytest.importorskip('torch')
  pair = [torch.tensor(BYTES), torch.tensor(LABELS)]
  half = [pair[0].to(torch.bfloat16), pair[1]]
  torch.save({'data': [pair, half], 'acc': 0.5}, tmp_path / 'res.pt')
  raw = third_party.read(tmp_path / 'res.pt')
  assert list(raw.arrays) == ['data.0.0', 'data.0.1', 'data.1.0', 'data.1.1']
  assert raw.arrays['data.1.0'].dtype == np.float32
  with pytest.raises(UserError, match=r'pass --images_key=data\.0\.0'):
    understood(raw)
  found = understood(raw, images_key='data.0.0', labels_key='data.0.1')
  np.testing.assert_array_equal(found.images, BYTES)
