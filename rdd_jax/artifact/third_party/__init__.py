"""Distilled sets that others made: what is in their files, and what it means.

Readers say what a file holds, by name; the other files say which of it are
images and labels, in which order, on which scale and of which kind, and refuse
to guess where two answers would do.
"""

from rdd_jax.artifact.third_party.adopt import ORDERED as ORDERED
from rdd_jax.artifact.third_party.adopt import Images as Images
from rdd_jax.artifact.third_party.adopt import adopt as adopt
from rdd_jax.artifact.third_party.adopt import understand as understand
from rdd_jax.artifact.third_party.labels import Targets as Targets
from rdd_jax.artifact.third_party.names import read_names as read_names
from rdd_jax.artifact.third_party.plausible import plausible as plausible
from rdd_jax.artifact.third_party.plausible import seams as seams
from rdd_jax.artifact.third_party.readers import CARD as CARD
from rdd_jax.artifact.third_party.readers import DIGEST as DIGEST
from rdd_jax.artifact.third_party.readers import Raw as Raw
from rdd_jax.artifact.third_party.readers import digest as digest
from rdd_jax.artifact.third_party.readers import read as read
from rdd_jax.artifact.third_party.shards import expand as expand
from rdd_jax.artifact.third_party.shards import read_all as read_all
