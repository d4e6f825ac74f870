"""SRe2L: images recovered from a teacher, on ImageNet at 224 pixels.

Paper: Yin et al., NeurIPS 2023, https://arxiv.org/abs/2306.13092

Settings of the released code, of ResNet-18, whose numbers are of ipc=50 and
200, but for the teacher, which is torchvision's there and trains here:
rdd_jax/config/presets/large.py. Reads tfds:imagenet2012, or data=folder:PATH
with train/WNID/ and val/WNID/. For a GPU; `python -m rdd_jax.plan` with this
file says what it takes.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/sre2l_imagenet.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('sre2l', 'imagenet')
