"""What a field of a configuration may be by itself: numbers and names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import math
from typing import get_args

from rdd_jax.config.build.matching import adjoints
from rdd_jax.config.build.regression import losses
from rdd_jax.config.build.training import INNER_DATA
from rdd_jax.data.ood.overlap import Overlap
from rdd_jax.evaluation.regression import KINDS
from rdd_jax.images import corruptions
from rdd_jax.networks.precision import DTYPES
from rdd_jax.objectives.gradient import DISTANCES
from rdd_jax.runtime.workers import MOST

# The least that a field may be, and the most; bounds belong to the range.
RANGES: Mapping[str, tuple[float, float]] = {
  **dict.fromkeys(
    (
      'seeds',
      'steps_per_call',
      'log_every',
      'checkpoint_every',
      'real_rows',
      'network.width',
      'synthetic.ipc',
      'synthetic.factor',
      'objective.outer',
      'objective.rows',
      'objective.pool',
      'objective.lifetime',
      'objective.iterations',
      'objective.inner.batch_size',
      'experts.number',
      'experts.batch_size',
      'experts.latest',
      'experts.span',
      'selection.crops',
      'selection.tiles',
      'evaluation.epochs',
      'evaluation.batch_size',
      'outside.rows',
      'outside.views',
      'whole.seeds',
      'whole.batch_size',
      'kernel.depth',
      'kernel.width',
      'kernel.block',
    ),
    (1, math.inf),
  ),
  **dict.fromkeys(
    (
      'seed',
      'steps',
      'prepare_every',
      'devices',
      'data.size',
      'data.zca',
      'network.depth',  # 0 is what fits
      'synthetic.slots',
      'synthetic.slot_images',
      'synthetic.outlier_weight',
      'synthetic.step_size',
      'synthetic.label_scale',
      'synthetic.top_k',
      'objective.matched_rows',
      'objective.alpha',
      'objective.first',
      'objective.jitter',
      'objective.window',
      'objective.inner.steps',
      'objective.inner.learning_rate',
      'objective.inner.weight_decay',
      'experts.parallel',
      'experts.epochs',
      'experts.epoch_steps',
      'experts.learning_rate',
      'experts.weight_decay',
      'experts.radius',
      'experts.alpha',
      'experts.earliest',
      'experts.opening',
      'experts.expansion',
      'selection.draws',
      'evaluation.learning_rate',
      'evaluation.weight_decay',
      'evaluation.target_scale',
      'kernel.ridge',
      'kernel.w_std',
      'kernel.b_std',
      'shift.clusters',
      'shift.rows',
      'whole.steps',
      'whole.learning_rate',
      'optimizer.learning_rate',
      'optimizer.label_learning_rate',
      'optimizer.step_size_learning_rate',
      'optimizer.scale_learning_rate',
      'optimizer.skip_above',
      'optimizer.clip',
      'probe.learning_rate',
    ),
    (0, math.inf),
  ),
  **dict.fromkeys(
    (
      'data.validation',
      'selection.least',
      'objective.inner.momentum',
      'objective.inner.cutmix',
      'experts.momentum',
      'evaluation.momentum',
      'evaluation.cutmix',
      'evaluation.mixup',
      'evaluation.ema',
      'optimizer.momentum',
      'optimizer.label_momentum',
      'optimizer.decay',
      'probe.momentum',
      'probe.decay',
    ),
    (0, 1),
  ),
  'data.workers': (0, MOST),
  # -1 takes what there is.
  **dict.fromkeys(
    ('objective.groups', 'objective.earliest', 'selection.groups'),
    (-1, math.inf),
  ),
  **dict.fromkeys(
    ('synthetic.temperature', 'evaluation.mixup_alpha'), (1e-3, math.inf)
  ),
}
# What names a field may have.
NAMES: Mapping[str, Iterable[str]] = {
  # Of products, as jax.default_matmul_precision takes them.
  'precision': ('float32', 'tensorfloat32', 'bfloat16', 'highest', 'high'),
  'network.dtype': DTYPES,
  'data.zca_convention': ('kornia', 'frepo'),
  'synthetic.labels': ('hard', 'soft', 'free', 'stored', 'teacher', 'epochs'),
  'experts.schedule': ('constant', 'cosine'),
  'synthetic.space': ('inputs', 'pixels'),
  'kernel.name': ('fully_connected', 'convolutional'),
  'kernel.which': KINDS,
  'objective.adjoint': adjoints(),
  'objective.distance': DISTANCES,
  'objective.loss': losses(),
  'objective.inner.data': INNER_DATA,
  'objective.inner.optimizer': ('sgd', 'adam', 'adabelief', 'lamb'),
  'outside.missing': ('skip', 'raise'),
  'outside.overlap': get_args(Overlap),
  **dict.fromkeys(
    (
      'evaluation.convention',
      'experts.convention',
      'objective.convention',
      'objective.inner.convention',
    ),
    ('one', 'idc'),
  ),
}
# Strings of families; evaluation's and the whole set's are parsed anyway.
AUGMENTS = ('experts.augment', 'objective.augment', 'objective.inner.augment')
SEEN = (*corruptions.FAMILIES, 'color')
