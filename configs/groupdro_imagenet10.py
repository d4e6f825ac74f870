"""Group DRO on ImageNet-10: no subgroup left behind.

Paper: Vahidian et al., https://arxiv.org/abs/2402.04676; see
rdd_jax/robust/groups/cvar.py

Groups that are found without being named, in equal shares of what is matched;
the paper's form is method=dsa,risk=cvar.

The ten classes of IDC, in the order of its class file (452, 64, 374, 236, 993,
176, 882, 904, 503 and 74 of ImageNet-1k), as folder:imagenet10: below the
directory that runs start in, imagenet10/{train,val}/CLASS/*.JPEG. They are
resized to 128 x 128.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/groupdro_imagenet10.py:rare=line-0.1
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('groupdro', 'imagenet10')
