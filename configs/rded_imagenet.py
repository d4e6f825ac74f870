"""RDED: realistic crops, selected by a teacher, on ImageNet at 224 pixels.

Paper: Sun et al., CVPR 2024, https://arxiv.org/abs/2312.03526

Settings of the released code, of ResNet-18, but for the teacher, which is
torchvision's there and trains here: rdd_jax/config/presets/large.py. Reads
tfds:imagenet2012, or data=folder:PATH with train/WNID/ and val/WNID/. For a
GPU; `python -m rdd_jax.plan` with this file says what it takes.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/rded_imagenet.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rded', 'imagenet', tiles=2)
