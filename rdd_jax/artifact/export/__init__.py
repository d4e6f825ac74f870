"""Distilled sets in the formats of others; what that loses is said."""

from rdd_jax.artifact.export.files import write_npz as write_npz
from rdd_jax.artifact.export.files import write_safetensors as write_safetensors
from rdd_jax.artifact.export.files import write_side as write_side
from rdd_jax.artifact.export.folder import write_folder as write_folder
from rdd_jax.artifact.export.rows import decoded as decoded
from rdd_jax.artifact.export.rows import losses as losses
from rdd_jax.artifact.export.tfds import write_tfds as write_tfds
