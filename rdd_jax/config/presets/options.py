"""Every argument of every preset: its default, its choices, its meaning."""

from __future__ import annotations

from rdd_jax.config.arguments import Argument

ACROSS = ('mean', 'cvar', 'released', 'worst', 'entropic', 'chi_square')

COMMON = {  # of every method
  'ipc': Argument(10, 'stored images of each class'),
  'seed': Argument(0, 'root of all randomness'),
  'seeds': Argument(3, 'distillations, each from its own initial images'),
  'width': Argument(128, 'filters in each layer of the network'),
  'steps': Argument(0, 'distillation steps; 0 takes those of the method'),
  'init': Argument(
    '',
    'what distillation starts from: real, noise, selected by a teacher, or '
    'the path of a run or of a set; empty is as the method does',
  ),
  'noise': Argument(
    '',
    'label noise as rdd_jax.data.corrupt takes it, such as symmetric-0.4, '
    'pair-0.4 or human-worse; empty adds none',
  ),
  'smoke': Argument(
    False, 'shrinks the run to seconds, on mock images where there are none'
  ),
}

ARGUMENTS = {
  **COMMON,
  'factor': Argument(
    2, "IDC's multi-formation: factor**2 images in one; 1 is IDC-I"
  ),
  'kernel': Argument(
    'fully_connected',
    "KIP's kernel: of a fully connected or a convolutional network, without or "
    'with pooling, which costs some hundred times as much',
    ('fully_connected', 'convolutional', 'pooled'),
  ),
  'labels': Argument('hard', 'hard, or free: learned', ('hard', 'free')),
  'tiles': Argument(1, 'tiles**2 crops, side by side, make an image'),
  'temperature': Argument(
    0.0, "of a teacher's labels; 0 takes that of the method, 1 for soft ones"
  ),
  'top_k': Argument(
    0,
    'of labels=epochs: numbers of a label that are stored, the largest; 0 is '
    'all',
  ),
  'teacher_epochs': Argument(
    0, 'epochs that the teacher trains for; 0 takes those of the method'
  ),
  'dtype': Argument(
    'float32',
    'what the layers of networks compute in; parameters, losses and the '
    'optimizer stay float32',
    ('float32', 'bfloat16'),
  ),
  'method': Argument('dm', 'the distillation method that is protected'),
  'defense': Argument(
    'tad',
    'against label noise: tad; tad_fixed, as it was before noise was '
    'estimated, for one release; described, TAD as summaries of the paper '
    'describe it; none, labels as given; oracle, rows whose label is right; '
    'clean, all rows with true labels; confident, rows that the library '
    'cleanlab keeps; elr, labels that ELR cleaned once; small_loss, the 60 per '
    "cent of each class with the smallest loss; gmm, DivideMix's mixture of "
    'two losses',
    (
      'tad',
      'tad_fixed',
      'described',
      'none',
      'oracle',
      'clean',
      'confident',
      'elr',
      'small_loss',
      'gmm',
    ),
  ),
  'outliers': Argument(
    'on_the_fly',
    'on_the_fly, made of the distilled images while networks train on them; '
    "poe, the paper's form, distills corrupted rows in slots; sampled stores "
    'such rows as they are; none; double_ipc, as many images as poe stores, '
    'all of classes; oe:SOURCE distills real outliers of '
    'rdd_jax.data.load_outliers, sampled:SOURCE stores them as they are, '
    'poe+oe:SOURCE has half of the slots for each kind',
    (
      *('on_the_fly', 'poe', 'sampled', 'none', 'double_ipc', 'oe:SOURCE'),
      *('sampled:SOURCE', 'poe+oe:SOURCE'),
    ),
  ),
  'loss': Argument(
    'reject',
    "of outliers: reject, a class of their own; uniform, the paper's; energy, "
    'a margin',
    ('reject', 'uniform', 'energy'),
  ),
  'families': Argument(
    '',
    'corruptions of outliers: core, six kinds; flat, these and shapes without '
    "texture; released, the paper's four; empty is flat for photographs and "
    'core elsewhere',
    ('core', 'flat', 'released'),
  ),
  'overlap': Argument(
    'refuse',
    'real outliers that are of a class of the data, by name: refuse their '
    'source, leave_out these, or keep them',
    ('refuse', 'leave_out', 'keep'),
  ),
  'slots': Argument(
    0, 'cells of stored outliers; 0 takes as many as there are classes'
  ),
  'rare': Argument(
    '',
    'a group that is made rare in the data, as rdd_jax.data.rarefy takes it, '
    'such as line-0.1; empty makes none',
  ),
  'groups': Argument(
    '',
    'known; voronoi, cells of the synthetic images; found, clear splits of a '
    'class in an early network, into `clusters` at most; kmeans, into as many; '
    'neighbors, rows that lie among rows of other classes; '
    'baselines: errors, misread (JTT), sparse (kernel density), difficult '
    '(LfF). Empty is known where groups are made, else voronoi for a risk in '
    'training, else found',
    (
      'known',
      'voronoi',
      'found',
      'kmeans',
      'neighbors',
      'errors',
      'misread',
      'sparse',
      'difficult',
    ),
  ),
  'risk': Argument(
    'equal',
    "equal shares of groups; none; cvar, the paper's nested risk: the worst "
    '`tail` of each group, then mean and worst of groups; released, the same '
    'without effect, as in the released code, a control; dro, exponentiated '
    'group weights; or another risk over groups',
    ('none', 'equal', 'dro', *ACROSS),
  ),
  'by': Argument(
    '',
    'how: risk=equal by draws (if empty), by weights, or by matching each '
    'group apart (FairDD); others by training of networks on real data (if '
    'empty), or by matching, of how far groups are from being matched',
    ('draws', 'weights', 'matching', 'training'),
  ),
  'trained': Argument(
    '',
    'what the networks that gradients are matched on train on: synthetic, '
    'real, or real data by a risk over groups; empty follows `risk`',
    ('synthetic', 'real', *ACROSS),
  ),
  'tail': Argument(0.2, 'share of the largest losses that risk=cvar averages'),
  'clusters': Argument(4, 'groups of a class at most, where they are found'),
  # The three batches whose losses the released code pools.
  'memory': Argument(
    768, 'rows of earlier batches that a risk in training ranks as well'
  ),
  'data': Argument(
    '',
    'what is read: folder:PATH, npz:PATH, or another name that '
    'rdd_jax.data.load knows',
  ),
  'task': Argument(
    'distill',
    'distill, or clean: say which labels are wrong, and no more',
    ('distill', 'clean'),
  ),
  'size': Argument(
    0, 'side that images are resized to; 0 leaves it to what is read'
  ),
  'variants': Argument(
    True, 'also runs the plain method and each paper alone, for the table'
  ),
  'full': Argument(False, 'more seeds, steps and corruptions'),
}


# Of methods that have a teacher.
TAUGHT = {
  'labels': Argument(
    'hard',
    "hard; soft, a teacher's answer to each image, stored with it; teacher, "
    'its answers to each view that networks train on: its weights are stored; '
    'or epochs, these answers, stored for each epoch. Baselines have labels '
    'alike',
    ('hard', 'soft', 'teacher', 'epochs'),
  ),
}

# On data of which nothing is known but what a folder says.
OWN = {
  'labels': Argument(
    '',
    'relabeled.csv of an earlier run: labels that it proposes are taken in the '
    'place of those given, and rows that it left out are dropped',
  ),
  'outliers': Argument(
    'none',
    'on_the_fly, made of the distilled images while networks train on them, '
    'so that they tell what is no such image; or none',
    ('none', 'on_the_fly'),
  ),
  'groups': Argument(
    'none',
    'found, clear splits of a class in an early network, served alike; kmeans; '
    'misread (JTT); or none',
    ('none', 'found', 'kmeans', 'misread'),
  ),
}


def some(*names: str) -> dict[str, Argument]:
  """Returns arguments by their names.

  >>> some('tail')['tail'].default
  0.2
  """
  return {name: ARGUMENTS[name] for name in names}
