# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A small network of dense layers with tanh, trained with Adam in NumPy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_BATCH = 256
_DECAY_1, _DECAY_2, _TINY = np.float32(0.9), np.float32(0.999), np.float32(1e-8)


class Network:
    """
    Dense layers with tanh after each; the last is scaled by `scale` (one number per output).

    `sizes` are the widths from input to output.
    """

    def __init__(self, sizes: tuple[int, ...], scale: Array, random: np.random.Generator) -> None:
        self.scale = scale
        self.parameters: list[Array] = []
        for inputs, outputs in pairwise(sizes):
            bound = np.sqrt(6.0 / (inputs + outputs))
            weights = random.uniform(-bound, bound, (inputs, outputs))
            self.parameters += [weights.astype(np.float32), np.zeros(outputs, np.float32)]
        self._mean = np.zeros(sizes[0], np.float32)
        self._inverse = np.ones(sizes[0], np.float32)

    def __call__(self, observation: Array) -> Array:
        """Return decisions of shape (n, outputs) for observations of shape (n, inputs)."""
        return self._layers((observation - self._mean) * self._inverse)[-1] * self.scale

    def folded(self) -> list[Array]:
        """Return weights and biases of a network for raw observations."""
        weights = self._inverse[:, None] * self.parameters[0]
        bias = self.parameters[1] - self._mean @ weights
        return [weights, bias, *self.parameters[2:]]

    def fit(
        self,
        observations: Array,
        decisions: Array,
        epochs: int,
        rate: float,
        random: np.random.Generator,
    ) -> float:
        """
        Fit to examples, of shapes (n, inputs) and (n, outputs), with a falling learning rate.

        Returns the mean squared error of the last epoch, in units of `scale`.
        """
        self._mean = observations.mean(0)
        self._inverse = 1.0 / (observations.std(0) + np.float32(1e-6))
        inputs = (observations - self._mean) * self._inverse
        targets = decisions / self.scale
        moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.parameters]
        batches = len(inputs) // _BATCH
        steps = epochs * batches
        done, loss = 0, 0.0
        for _ in range(epochs):
            order = random.permutation(len(inputs))[: batches * _BATCH].reshape(batches, _BATCH)
            loss = 0.0
            for rows in order:
                done += 1
                gradients, error = self._gradients(inputs[rows], targets[rows])
                loss += error / batches
                falling = rate * 0.5 * (1 + np.cos(np.pi * done / steps))
                self._adam(gradients, moments, done, falling)
        return loss

    def _layers(self, inputs: Array) -> list[Array]:
        layers = [inputs]
        for weights, bias in zip(self.parameters[::2], self.parameters[1::2]):
            layers.append(np.tanh(layers[-1] @ weights + bias))
        return layers

    def _gradients(self, inputs: Array, targets: Array) -> tuple[list[Array], float]:
        layers = self._layers(inputs)
        error = layers[-1] - targets
        upstream = error * np.float32(2.0 / error.size)
        gradients: list[Array] = []
        for index in range(len(layers) - 1, 0, -1):
            upstream = upstream * (1 - layers[index] ** 2)
            gradients[:0] = [layers[index - 1].T @ upstream, upstream.sum(0)]
            upstream = upstream @ self.parameters[2 * index - 2].T
        return gradients, float(np.mean(error**2))

    def _adam(
        self, gradients: list[Array], moments: list[tuple[Array, Array]], step: int, rate: float
    ) -> None:
        unbias_1, unbias_2 = 1 - float(_DECAY_1) ** step, 1 - float(_DECAY_2) ** step
        size = np.float32(rate * np.sqrt(unbias_2) / unbias_1)
        for parameter, gradient, (first, second) in zip(self.parameters, gradients, moments):
            first += (1 - _DECAY_1) * (gradient - first)
            second += (1 - _DECAY_2) * (gradient**2 - second)
            parameter -= size * first / (np.sqrt(second) + _TINY)
