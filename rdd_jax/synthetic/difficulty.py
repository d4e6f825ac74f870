"""How hard rows are: scores of training dynamics, large where a row is hard.

They are read from logits of networks that train on all rows, in the course of
training; see `training.epochs`.
"""

from __future__ import annotations

import numpy as np


def el2n(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
  """Returns the length of the error vector, `|softmax(f(x)) - y|_2`.

  Early in training, and averaged over networks, it ranks rows.

  Args:
    logits: `f[n, k]`, of the classes alone.
    labels: `i[n]`, as given.

  Returns:
    `f[n]`, from 0 to the root of 2.

  Source: Paul, Ganguli and Dziugaite, Deep Learning on a Data Diet: Finding
    Important Examples Early in Training, NeurIPS 2021, def. 2.2.

  >>> el2n(np.zeros((1, 2)), np.array([0])).round(3)
  array([0.707])
  """
  errors = _softmax(logits)
  errors[np.arange(len(labels)), labels] -= 1
  return np.linalg.norm(errors, axis=-1)


def margin(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
  """Returns the probability of the label, less the greatest of the others.

  Its mean over epochs is AUM, the area under the margin.

  Args:
    logits: `f[n, k]`, of the classes alone; k is 2 or more.
    labels: `i[n]`, as given.

  Returns:
    `f[n]`, from -1 to 1.

  Deviations: Pleiss et al. take logits; probabilities are what CCS takes.

  Source: Pleiss et al., Identifying Mislabeled Data using the Area Under the
    Margin Ranking, NeurIPS 2020, eq. 1 and 2; Zheng et al., ICLR 2023.

  >>> margin(np.log([[0.7, 0.2, 0.1]]), np.array([1])).round(3)
  array([-0.5])
  """
  p = _softmax(logits)
  rows = np.arange(len(labels))
  own = p[rows, labels]
  p[rows, labels] = -1
  return own - p.max(-1)


def forgetting(right: np.ndarray) -> np.ndarray:
  """Counts how often a row that was classified right is no more.

  Args:
    right: `b[t, n]`, in the order of training.

  Returns:
    `f[n]`; infinite where a row was never right.

  Deviations: the paper looks at each row when it is in a minibatch; here all
    rows are looked at after each epoch.

  Source: Toneva et al., An Empirical Study of Example Forgetting during Deep
    Neural Network Learning, ICLR 2019, sec. 3 and algorithm 1.

  >>> forgetting(np.array([[1, 1, 0], [0, 1, 0], [1, 1, 0], [0, 1, 0]]))
  array([ 2.,  0., inf])
  """
  right = np.asarray(right, bool)
  events = (right[:-1] & ~right[1:]).sum(0)
  return np.where(right.any(0), events, np.inf)


def _softmax(logits: np.ndarray) -> np.ndarray:
  from scipy import special

  return special.softmax(np.asarray(logits, np.float64), -1)
