"""TensorFlow's DCGAN tutorial (tensorflow/docs, site/en/tutorials/generative/dcgan.ipynb) in Keras.

Reproduced: the networks with Keras's defaults; one traced function a step with two gradient tapes over one forward pass of
generator and discriminator; binary cross-entropy from logits against ones and zeros; Adam 1e-4 for both players, applied
after both gradients are known. Nothing is read or printed in a step. Batches are ready tensors instead of a tf.data
pipeline; the picture and the checkpoint that the tutorial makes after epochs are left out.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from benchmarks.peers.data import float_batches
from benchmarks.peers.gate import Gate
from benchmarks.peers.workloads import Contender, Workload


def train(workload: Workload, contender: Contender, gate: Gate, facts: dict[str, Any], threads: int | None) -> None:
    """Train without end."""
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    generator, discriminator = _generator(workload), _discriminator(workload)
    counts = tuple(sum(v.shape.num_elements() for v in net.trainable_variables) for net in (generator, discriminator))
    if counts != workload.parameters:
        raise ValueError(f"the networks have {counts} parameters, and {workload.id} has {workload.parameters}")
    facts["parameters"] = list(counts)
    facts["threads"] = threads or "TensorFlow's choice"
    facts["versions"] = {"tensorflow": tf.__version__, "keras": keras.__version__}

    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    optimizer_g, optimizer_d = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)

    @tf.function  # type: ignore[untyped-decorator]
    def train_step(real: Any) -> Any:
        noise = tf.random.normal([workload.batch, workload.latent])
        with tf.GradientTape() as tape_g, tf.GradientTape() as tape_d:
            fake = generator(noise, training=True)
            logits_real = discriminator(real, training=True)
            logits_fake = discriminator(fake, training=True)
            loss_g = cross_entropy(tf.ones_like(logits_fake), logits_fake)
            loss_d = cross_entropy(tf.ones_like(logits_real), logits_real)
            loss_d += cross_entropy(tf.zeros_like(logits_fake), logits_fake)
        gradients_g = tape_g.gradient(loss_g, generator.trainable_variables)
        gradients_d = tape_d.gradient(loss_d, discriminator.trainable_variables)
        optimizer_g.apply_gradients(zip(gradients_g, generator.trainable_variables, strict=True))
        optimizer_d.apply_gradients(zip(gradients_d, discriminator.trainable_variables, strict=True))
        return loss_d, loss_g  # the tutorial's returns nothing; two scalars cost nothing and can be checked

    batches = [tf.constant(batch) for batch in float_batches(workload, "channels last")]
    number = 0

    def settle() -> None:
        facts["losses"] = tuple(float(loss) for loss in losses)

    gate.settle = settle
    while True:
        losses = train_step(batches[number % len(batches)])
        number += 1
        gate.passed(workload.batch)


def _generator(workload: Workload) -> Any:
    return keras.Sequential(
        [
            layers.Input((workload.latent,)),
            layers.Dense(7 * 7 * 256, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((7, 7, 256)),
            layers.Conv2DTranspose(128, 5, strides=1, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(64, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh"),
        ]
    )


def _discriminator(workload: Workload) -> Any:
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(64, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Conv2D(128, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
