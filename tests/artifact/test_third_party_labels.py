"""Labels, names and files of others are recognized, or asked for."""

from __future__ import annotations

from artifact.third_party_cases import BYTES, LABELS, understood
import jax
import numpy as np
import pytest

from rdd_jax.artifact import third_party
from rdd_jax.artifact.third_party.labels import in_order, targets_of
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
    (np.zeros((6, 3)), '', 'pass --label_kind=free'),
    (np.full((6, 3), -4), '', 'pass --label_kind=logits'),
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


def test_labels_in_order():
  np.testing.assert_array_equal(in_order(6, 3, 'it'), [0, 0, 1, 1, 2, 2])
  with pytest.raises(UserError, match='pass --labels=FILE'):
    in_order(7, 3, 'it')


@pytest.mark.parametrize('less', [0.0, 1 / 3])
def test_learned_labels_of_a_regression_stay_what_they_are(less):
  """KIP and FRePo publish theirs less the mean of one-hot labels."""
  moved = np.random.default_rng(2).normal(0, 0.1, (6, 3))
  given = np.eye(3)[LABELS] + moved - moved.mean(1, keepdims=True) - less
  found = targets_of(given, 6, 3, 'free', 'it')
  assert found.kind == 'free'
  np.testing.assert_allclose(found.targets, given + less, atol=1e-6)
  np.testing.assert_array_equal(found.cells, LABELS)
  assert ('1/3 is added' in found.notes[0]) == (less > 0)
  with pytest.raises(UserError, match='free' if less else 'no probabilities'):
    targets_of(given + 0.01, 6, 3, '', 'it')


def test_only_what_can_be_logits_is_advised_to_be():
  with pytest.raises(UserError) as caught:
    targets_of(np.eye(3)[LABELS] * 2, 6, 3, '', 'it')
  assert 'logits' not in str(caught.value)
  with pytest.raises(UserError, match=r'rows sum to .*label_kind=free'):
    targets_of(np.eye(3)[LABELS] * 2, 6, 3, 'probabilities', 'it')
  with pytest.raises(UserError, match='pass --label_kind=logits'):
    targets_of(np.eye(3)[LABELS] * 9 - 4, 6, 3, '', 'it')


def test_probabilities_taken_as_logits_are_noticed():
  soft = np.asarray(jax.nn.softmax(np.eye(3)[LABELS]))
  found = targets_of(soft, 6, 3, 'logits', 'it')
  assert 'pass --label_kind=probabilities' in found.notes[0]
  assert not targets_of(soft, 6, 3, '', 'it').notes
  assert (
    found.notes[0]
    in understood(
      third_party.Raw({'a': BYTES, 'b': soft}), label_kind='logits'
    ).notes
  )


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
    scale='standardized',
    label_kind='logits',
  )
  np.testing.assert_array_equal(found.images, images.transpose(0, 2, 3, 1))
  np.testing.assert_allclose(
    found.labels.targets, jax.nn.softmax(logits), rtol=1e-5
  )
