# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Values of messages as tensors, and of tensors in messages; without ROS, by their fields."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from hotswap_ros.limits import ELEMENTS
from hotswap_ros.policies.contract import DecisionTerm, ObservationTerm
from hotswap_ros.policies.message_types import DEFAULT_FIELDS, IMAGES, JOINTS
from hotswap_ros.text import few

#: Channels of image encodings, in the order of the bytes of a pixel.
_CHANNELS = {
    'rgb8': 'rgb',
    'bgr8': 'bgr',
    'rgba8': 'rgba',
    'bgra8': 'bgra',
    'mono8': 'm',
    '8UC1': 'm',
}


class MessageError(Exception):
    """A message that is not what the contract says; the message names the term and the remedy."""


Reader = Callable[[Any], NDArray[Any]]


def reader_of(name: str, term: ObservationTerm) -> Reader:
    """Return the function that makes a tensor of a message. It raises MessageError."""
    if term.type in IMAGES:
        read = _compressed if term.type.endswith('CompressedImage') else _image
        return partial(read, name, term)
    if term.type in JOINTS:
        return partial(_joints, name, term)
    return partial(_fields, name, term, term.fields or DEFAULT_FIELDS[term.type])


def _joints(name: str, term: ObservationTerm, message: Any) -> NDArray[Any]:
    places = {joint: index for index, joint in enumerate(message.name)}
    missing = [joint for joint in term.joints if joint not in places]
    if missing:
        raise MessageError(
            f"observation '{name}': {term.topic} has no joint {few(missing)} (it has "
            f"{few(places) or 'none'}): correct 'joints' in the contract"
        )
    values = getattr(message, term.quantity)
    if len(values) < len(message.name):
        raise MessageError(
            f"observation '{name}': {term.topic} has no {term.quantity} of its joints: choose "
            "another 'quantity'"
        )
    return _shaped(name, term, [values[places[joint]] for joint in term.joints])


def _fields(name: str, term: ObservationTerm, paths: Sequence[str], message: Any) -> NDArray[Any]:
    values: list[Any] = []
    for path in paths:
        value = message
        for part in path.split('.'):
            value = getattr(value, part, None)
            if value is None:
                raise MessageError(
                    f"observation '{name}': {term.type} has no field '{path}': correct 'fields' "
                    'in the contract'
                )
        values.extend(value if hasattr(value, '__len__') else (value,))
    return _shaped(name, term, values)


def _image(name: str, term: ObservationTerm, message: Any) -> NDArray[Any]:
    found = _CHANNELS.get(message.encoding)
    wanted = _CHANNELS[term.encoding]
    if found is None or not set(wanted) <= set(found):
        raise MessageError(
            f"observation '{name}': {term.topic} has the encoding {message.encoding}, the "
            f'contract says {term.encoding}: change the one or the other'
        )
    height, width, row = message.height, message.width, message.step
    data = np.frombuffer(message.data, np.uint8)
    if data.size != height * row or row < width * len(found):
        raise MessageError(
            f"observation '{name}': {term.topic} says {height} rows of {row} bytes and has "
            f'{data.size} bytes'
        )
    pixels = data.reshape(height, row)[:, : width * len(found)].reshape(height, width, len(found))
    if found != wanted:
        pixels = pixels[..., [found.index(channel) for channel in wanted]]
    return _shaped(name, term, pixels)


def _compressed(name: str, term: ObservationTerm, message: Any) -> NDArray[Any]:
    try:
        with Image.open(io.BytesIO(bytes(message.data))) as image:
            if image.width * image.height * 3 > ELEMENTS:
                raise MessageError(
                    f"observation '{name}': {term.topic} has {image.width}x{image.height} pixels: "
                    'send smaller pictures'
                )
            pixels = np.asarray(image.convert('L' if term.encoding == 'mono8' else 'RGB'))
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise MessageError(
            f"observation '{name}': {term.topic} has a picture that cannot be read ({error})"
        ) from error
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    return _shaped(name, term, pixels[..., ::-1] if term.encoding == 'bgr8' else pixels)


def _shaped(name: str, term: ObservationTerm, values: Any) -> NDArray[Any]:
    """Return the values in the type and shape of the term; versions have a batch axis of one."""
    is_image = term.type in IMAGES
    dtype = ('uint8' if is_image else 'float32') if term.dtype is None else term.dtype.value
    array = np.array(values, dtype)
    shape = (1, *array.shape) if term.shape is None else term.shape
    if array.size != np.prod(shape):
        raise MessageError(
            f"observation '{name}': {term.topic} has {array.size} values, the contract says "
            f'{list(shape)}'
        )
    return array.reshape(shape)


def write_decision(name: str, term: DecisionTerm, step: NDArray[Any], message: Any) -> None:
    """
    Put one step of a decision into a message with the joints or fields of the term.

    Raises MessageError where their number is another one. A trajectory is left to its sender.
    """
    values = [value.item() for value in step.ravel()]
    if term.type == 'sensor_msgs/msg/JointState':
        _require_count(name, term, len(term.joints), values)
        message.name, message.position = list(term.joints), [float(value) for value in values]
        return
    paths = term.fields or DEFAULT_FIELDS.get(term.type, ())
    if len(paths) == 1:
        _assign(message, paths[0], values)
        return
    _require_count(name, term, len(paths), values)
    for path, value in zip(paths, values):
        _assign(message, path, [value])


def _require_count(name: str, term: DecisionTerm, count: int, values: Sequence[Any]) -> None:
    if len(values) != count:
        raise MessageError(
            f"decision '{name}' has {len(values)} values, and {term.topic} takes {count}: correct "
            'the contract'
        )


def _assign(message: Any, path: str, values: list[Any]) -> None:
    *parents, last = path.split('.')
    for part in parents:
        message = getattr(message, part)
    old = getattr(message, last)
    if hasattr(old, '__len__'):
        kind = getattr(old, 'typecode', '')  # an array.array of whole or floating-point numbers
        setattr(
            message, last, [int(v) for v in values] if kind in 'bBhHiIlLqQ' and kind else values
        )
    else:
        setattr(message, last, type(old)(values[0]))
