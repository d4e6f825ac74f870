"""Defines every field of a configuration, its default and its meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_collections import ConfigDict

from rdd_jax.config.build.objectives import namespace

if TYPE_CHECKING:
  Config = Any  # a checker cannot know the types of a configuration's fields
else:
  Config = ConfigDict


def config() -> Config:
  """Builds a complete configuration; configs only change values in it.

  >>> config().network.width
  128
  """
  return ConfigDict(
    {
      'name': 'unnamed',
      'seed': 0,  # root of all randomness
      'seeds': 1,  # distillation seeds, each with its own initialization
      'data': {
        'name': 'digits',  # see rdd_jax.data.load
        'data_dir': '',  # TFDS directory; '' takes RDD_JAX_DATA_DIR or ~
        'size': 0,  # resize to size x size; 0 leaves as is
        'channels': 0,  # 1 or 3; 0 leaves as is
        'stream': False,  # leave images on disk; as are those too large to fit
        'workers': 0,  # processes that read a stream; 0 is one a core, or 8
        'labels': '',  # relabeled.csv of an earlier cleaning, in their place
        'rare': '',  # subgroups: 'line-0.1', see rdd_jax.data.rarefy
        'noise': '',  # of labels: 'symmetric-0.4', see rdd_jax.data.corrupt
        'human_labels': '',  # npz or tfds:cifar10_n; '' looks in the data_dir
        'validation': 0.0,  # share of training rows held out, by class
        'mock': False,  # seeded mock images of the data set's shape
        'mean': (),  # per channel; () fits them on the training rows
        'std': (),
        'zca': 0.0,  # regularization of ZCA whitening; 0 is off
        'zca_convention': 'kornia',  # or 'frepo', see images.preprocessing
      },
      'network': {
        'name': 'convnet',
        'width': 128,
        'depth': 3,
        # What layers compute in: 'bfloat16' leaves parameters, statistics,
        # losses and the optimizer in float32.
        'dtype': 'float32',
      },
      'synthetic': {
        'ipc': 10,  # stored images of each class
        # 'real', 'noise', 'predicted' (DATM), 'selected' (RDED), or the path of
        # a set; one that others made may need more,
        # 'images_best.pt:scale=whitened'
        'init': 'real',
        # 'hard'; learned: 'soft', on the simplex, or 'free', for regressions;
        # of a teacher: 'stored', its answer to each finished image;
        # 'teacher', its answers to each view that networks train on, by its
        # stored weights; or 'epochs', these answers themselves, stored
        'labels': 'hard',
        'temperature': 1.0,  # of a teacher's labels
        # Of 'epochs': numbers of a label that are stored, the largest; what
        # they leave is spread evenly over the others. 0 is all.
        'top_k': 0,
        'factor': 1,  # multi-formation: factor**2 rows in an image
        'space': 'inputs',  # learned as network 'inputs', or as 'pixels'
        'slots': 0,  # outlier cells; a transform must fill them
        'slot_images': 0,  # stored in each of them; 0 is ipc
        'still_outliers': False,  # as they start, while classes are distilled
        'reject': False,  # one output more, for outliers
        'outlier_weight': 0.5,  # mass of all outlier rows over the others'
        'step_size': 0.0,  # of the student, where learned (MTT); 0 is not
        # of centered labels, where learned: a temperature; 0 is not
        'label_scale': 0.0,
      },
      # Name and fields of an objective, see config.build.objectives; another
      # one by config.objective = namespace('gradient', outer=10); or your own,
      # {'name': 'package.module:function', **options}, of (context, **options).
      'objective': namespace('distribution'),
      'real_rows': 256,  # of a class, drawn for one step
      'kernel': {  # of KIP, of RFAD's networks, and of evaluation.networks
        # Relative to the trace; of every regression, matched or judged.
        'ridge': 1e-6,
        'name': 'fully_connected',  # or 'convolutional'
        'which': 'ntk',  # or 'nngp'
        'depth': 1,  # hidden layers
        'w_std': 2**0.5,
        'b_std': 0.1,
        'halve': False,  # convolutional: 2x2 average pooling after each
        'global_pool': False,  # and the mean of all pixels at the end
        'width': 1024,  # of the random networks of RFAD
        'block': 500,  # rows and columns of a kernel that are computed at once
      },
      'optimizer': {  # of the synthetic set
        'name': 'sgd',  # or 'adam', 'adabelief', 'lamb'
        'learning_rate': 1.0,
        'momentum': 0.5,
        'betas': (0.9, 0.999),  # of 'adam'
        'label_learning_rate': 0.1,
        'label_momentum': 0.5,
        'step_size_learning_rate': 1e-5,
        'scale_learning_rate': 0.01,  # of the logarithm of label_scale
        'decay': 1.0,  # by a cosine, to this share of each learning rate
        'skip_above': 0.0,  # leaves out steps of a larger loss; 0 is off
        'clip': 0.0,  # gradients, at so many times their running norm; 0 is off
      },
      'selection': {  # of crops, where synthetic.init is 'selected' (RDED)
        'draws': 300,  # rows of a class that are looked at; 0 is all
        'crops': 5,  # of each of them, of which the best is kept
        'least': 0.08,  # share of an image's area that a crop has, at least
        'tiles': 1,  # tiles**2 crops, side by side, make an image
        'groups': 0,  # of a class, in equal shares; -1 those of the data
      },
      'experts': {  # whose trajectories are matched; the first one may teach
        'number': 100,
        'directory': '',  # of buffers; '' is experts/ beside the work directory
        'parallel': 0,  # at once; 0: one for each device, 1: by all together
        'epochs': 0,  # at least; 0 goes as far as segments do
        'epoch_steps': 0,  # SGD steps of an epoch; 0 goes through all rows
        'batch_size': 256,
        'learning_rate': 0.01,
        'schedule': 'constant',  # or 'cosine', to 0 at the last epoch
        'momentum': 0.0,
        'weight_decay': 0.0,
        'augment': '',
        'convention': 'one',  # of augment: 'one' family a call, or 'idc'
        'radius': 0.0,  # of GSAM, for flat minima (FTD, DATM); 0 is plain SGD
        'alpha': 0.0,  # of GSAM
        'earliest': 0,  # epochs at which segments may start: from here on,
        'latest': 20,  # and before this
        'opening': 0,  # `latest` at first; 0 does not widen
        'expansion': 0,  # steps over which it widens
        'span': 2,  # epochs in a segment
      },
      # Over cells: 'total', 'mean', 'equal', 'worst', 'cvar-TAIL',
      # 'entropic-T', 'chi_square-T', or the mean of several, 'equal+worst'.
      'risk': 'total',
      # Chains: name -> dict(factory=..., **arguments), applied in the order
      # of config.build.transforms.FACTORIES, whatever their names. Your own,
      # with factory='package.module:function', of (context, **arguments), stand
      # before outliers; with scores=True, a probe is trained for them.
      'transform': {},
      'training': {},
      'student': {},
      'probe': {'learning_rate': 0.01, 'momentum': 0.9, 'decay': 0.995},
      'steps': 1000,
      'steps_per_call': 1,  # steps compiled into one call
      'log_every': 100,
      'checkpoint_every': 500,
      'prepare_every': 0,  # steps between looks at the whole set; 0 is once
      'evaluation': {
        'seeds': 5,  # networks trained on each set
        'epochs': 1000,
        'batch_size': 256,
        'learning_rate': 0.01,
        'schedule': 'step',  # see rdd_jax.training.recipe.Recipe
        'optimizer': 'sgd',  # or 'adam', 'adamw'
        'momentum': 0.9,
        'weight_decay': 5e-4,
        'augment': '',
        'convention': 'one',
        'cutmix': 0.0,  # the probability that a step mixes its rows so
        'mixup': 0.0,  # likewise; a step uses one of both
        'mixup_alpha': 0.8,  # of the shares of mixup, Beta(alpha, alpha)
        'ema': 0.0,  # decay of the average of weights that is judged; 0 is off
        'loss': 'cross_entropy',  # or 'squared', for free labels
        'target_scale': 1.0,  # of 'squared': what centered labels are times
        # (inside, outside, weight) of losses.EnergyMargin; () has none
        'energy_margin': (),
        # Further networks, for the cross-architecture table; or regressions:
        # 'ntk', 'nngp' by config.kernel, 'conjugate' by networks' features.
        'networks': (),
      },
      'outside': {  # out-of-distribution detection; see evaluation.outside
        'sets': (),  # see rdd_jax.data.load_ood; () judges none
        'rows': 2000,  # of each set at most, and of the test rows
        'missing': 'skip',  # sets that are not there, or 'raise'
        # Rows whose class is one of the data, by name: 'leave_out', 'keep'
        # or 'refuse' their set.
        'overlap': 'leave_out',
        'seen': (),  # families some arm trains on: their sets do not count
        'views': 10,  # augmented views of the set whose features are compared
        'odin': False,  # the ODIN score as well, at three times the cost
      },
      'shift': {  # other test rows and groups of them; see config.build.shift
        'clusters': 0,  # k-means of test pixels (the paper: 10); 0 is off
        'features': False,  # clusters in features of the whole set's network
        'density': '',  # accuracy by decile of it, in 'pixels' or 'features'
        'published': False,  # noise, blur and inversion of all test rows
        'corruptions': (),  # of data.shifts.SUITE, or 'all'; () is none
        'severities': (1, 2, 3, 4, 5),
        'attacks': (),  # 'fgsm-2', 'pgd-2-10': radius in 255ths, steps
        'rows': 1000,  # test rows that are corrupted and attacked; 0 is all
      },
      # Also 'initial': what distillation starts from.
      'baselines': ('random', 'herding', 'k_center'),
      'whole': {  # the whole training set; its network embeds for herding
        'steps': 0,  # 0 leaves it out: herding then works on pixels
        'batch_size': 256,
        'learning_rate': 0.01,
        'augment': '',
        'seeds': 1,
      },
      # Runs beside this one: name -> what is other there, and the names of
      # links that are left out, `without`; see rdd_jax.experiment.ablations.
      'variants': {},
      'devices': 0,  # 0 takes all
      'precision': 'float32',  # of products: 'tensorfloat32', 'bfloat16'
      'deterministic': False,  # bit-exact resume on a GPU, slower
    }
  )


PLACES = ('transform', 'training', 'student')
