# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Preprocessing and postprocessing as nodes of the graph, so that robots give raw quantities."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from hotswap_ros.models.errors import ModelError
from hotswap_ros.text import few

#: The tensor between the nodes that are added and the graph as it was.
_INSIDE = '{}:graph'

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)
Tensors = dict[str, Any]


class PreprocessingError(ModelError):
    """A change of a tensor that its graph does not allow; the message says why and what to do."""


@dataclass(frozen=True)
class Scaling:
    """
    Normalisation of a tensor: (x - offset) / spread, element by element.

    Both have as many numbers as `shape` has elements, which broadcasts to that of the tensor.
    """

    offset: tuple[float, ...]
    spread: tuple[float, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Change:
    """
    What lies between the raw quantity of a robot and a tensor of the graph.

    An input of `pixels` is given as uint8, 0 to 255, and taken as 0 to 1; one with the `layout`
    HWC is given as [1, height, width, channels] and taken as [1, channels, height, width]; one
    with a `size` is given in this height and width. An input is multiplied by `factor` and
    normalised with `scaling`; with an output the inverse is done, in the inverse order.
    """

    is_pixels: bool = False
    layout: str = ''
    size: tuple[int, int] | None = None
    factor: float = 1.0
    scaling: Scaling | None = None

    @property
    def is_of_image(self) -> bool:
        """Return whether it is possible for inputs with height and width only."""
        return bool(self.layout or self.size)


@dataclass
class Merged:
    """A graph with what was added, and the three parts that it consists of, for a proof."""

    model: onnx.ModelProto
    core: onnx.ModelProto
    before: dict[str, onnx.ModelProto] = field(default_factory=dict)
    after: dict[str, onnx.ModelProto] = field(default_factory=dict)

    def in_parts(self, run_core: Callable[[Tensors], Tensors], inputs: Tensors) -> Tensors:
        """
        Return the outputs by way of the parts, the added ones in ONNX's own reference runtime.

        `run_core` runs the graph as it was.
        """
        outputs = run_core(_run_parts(self.before, inputs))
        return _run_parts(self.after, outputs)


def merged(model: onnx.ModelProto, changes: Mapping[str, Change]) -> Merged:
    """
    Return a graph with the changes of its inputs and outputs, by name.

    Raises PreprocessingError.
    """
    core = onnx.ModelProto()
    core.CopyFrom(model)
    found = Merged(model, core)
    known = {value.name for value in (*model.graph.input, *model.graph.output)}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise PreprocessingError(
            f'the graph has no input or output {few(unknown)}: name {few(sorted(known))}'
        )
    constants = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        if value.name in changes and value.name not in constants:
            change = changes[value.name]
            found.before[value.name] = _change_input(model, value, change)
    for value in model.graph.output:
        if value.name in changes:
            found.after[value.name] = _change_output(model, value, changes[value.name])
    return found


class _Chain:
    """Nodes one after the other, from one tensor to another."""

    def __init__(self, name: str, first: str, last: str, elem_type: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._name, self._first, self._last, self._type = name, first, last, elem_type

    def add(self, kind: str, *constants: onnx.TensorProto, **attributes: Any) -> None:
        """Add a node that takes the result of the one before, and constants."""
        number = len(self.nodes)
        given = f'{self._name}:{number}' if number else self._first
        for tensor in constants:
            tensor.name = f'{self._name}:{kind}:{number}:{len(self.constants)}'
            self.constants.append(tensor)
        # An optional input that is left out has an empty name.
        names = [tensor.name for tensor in constants]
        if kind == 'Resize':
            names = ['', '', *names]
        self.nodes.append(
            helper.make_node(kind, [given, *names], [f'{self._name}:{number + 1}'], **attributes)
        )

    def scale(self, kind: str, numbers: Sequence[float], shape: Sequence[int] = ()) -> None:
        """Add an arithmetic node with these numbers, in the type of the tensor."""
        self.add(kind, helper.make_tensor('', self._type, shape, numbers))

    def end(self) -> None:
        """Let the last node put out the last tensor."""
        if not self.nodes:
            self.add('Identity')
        self.nodes[-1].output[0] = self._last


def _change_input(
    model: onnx.ModelProto, value: onnx.ValueInfoProto, change: Change
) -> onnx.ModelProto:
    """Put nodes before an input; returns them as a graph of their own."""
    name, elem_type = value.name, value.type.tensor_type.elem_type
    shape = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
    _require_float(name, elem_type)
    inside = _INSIDE.format(name)
    chain = _Chain(name, name, inside, elem_type)
    given_type, given_shape = elem_type, list(shape)
    if change.is_pixels:
        given_type = TensorProto.UINT8
        chain.add('Cast', to=elem_type)
    if change.is_of_image:
        given_shape = _image_shape(name, shape, change)
    if change.layout:
        chain.add('Transpose', perm=[0, 3, 1, 2])
    if change.size is not None:
        sizes = helper.make_tensor('', TensorProto.INT64, [4], shape)
        how = {'mode': 'linear', 'coordinate_transformation_mode': 'half_pixel'}
        chain.add('Resize', sizes, **how)
    factor = change.factor / 255 if change.is_pixels else change.factor
    if factor != 1:
        chain.scale('Mul', [factor])
    if change.scaling is not None:
        _require_fit(name, change.scaling, shape)
        chain.scale('Sub', change.scaling.offset, change.scaling.shape)
        chain.scale('Div', change.scaling.spread, change.scaling.shape)
    chain.end()
    _rename(model.graph, name, inside)
    outer = helper.make_tensor_value_info(name, given_type, given_shape)
    inner = helper.make_tensor_value_info(inside, elem_type, shape)
    value.CopyFrom(outer)
    for index, node in enumerate(chain.nodes):
        model.graph.node.insert(index, node)
    model.graph.initializer.extend(chain.constants)
    return _alone(model, chain, outer, inner)


def _change_output(
    model: onnx.ModelProto, value: onnx.ValueInfoProto, change: Change
) -> onnx.ModelProto:
    """Put nodes behind an output; returns them as a graph of their own."""
    name, elem_type = value.name, value.type.tensor_type.elem_type
    _require_float(name, elem_type)
    if change.is_pixels or change.is_of_image:
        raise PreprocessingError(f"'{name}' is an output: only inputs are images")
    inside = _INSIDE.format(name)
    chain = _Chain(name, inside, name, elem_type)
    if change.scaling is not None:
        shape = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        _require_fit(name, change.scaling, shape)
        chain.scale('Mul', change.scaling.spread, change.scaling.shape)
        chain.scale('Add', change.scaling.offset, change.scaling.shape)
    if change.factor != 1:
        chain.scale('Mul', [1 / change.factor])
    chain.end()
    _rename(model.graph, name, inside)
    outer, inner = onnx.ValueInfoProto(), onnx.ValueInfoProto()
    outer.CopyFrom(value)
    inner.CopyFrom(value)
    inner.name = inside
    model.graph.node.extend(chain.nodes)
    model.graph.initializer.extend(chain.constants)
    return _alone(model, chain, inner, outer)


def _require_float(name: str, elem_type: int) -> None:
    if elem_type not in _FLOATS:
        kind = TensorProto.DataType.Name(elem_type).lower()
        raise PreprocessingError(
            f"'{name}' has elements of the type {kind}: only floating-point tensors are changed"
        )


def _require_fit(name: str, scaling: Scaling, shape: Sequence[int]) -> None:
    """Raise PreprocessingError unless the numbers broadcast to the tensor."""
    own = scaling.shape
    fits = len(own) <= len(shape) and all(
        a in (1, b) for a, b in zip(reversed(own), reversed(shape))
    )
    if shape and not fits:
        raise PreprocessingError(
            f"'{name}' has the shape {list(shape)}, its statistics have {list(own)}: they need "
            'a number for each element of the last dimension'
        )
    if not all(map(math.isfinite, (*scaling.offset, *scaling.spread))) or 0 in scaling.spread:
        raise PreprocessingError(f"the statistics of '{name}' are not finite, or have no spread")


def _image_shape(name: str, shape: Sequence[int], change: Change) -> list[int]:
    """Return the shape in which a robot gives an image."""
    if len(shape) != 4:
        raise PreprocessingError(
            f"'{name}' has the shape {list(shape)}: an image is [1, channels, height, width]"
        )
    batch, channels, height, width = shape
    if change.size is not None:
        height, width = change.size
    return [batch, height, width, channels] if change.layout else [batch, channels, height, width]


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Rename a tensor in all nodes of a graph, also of the graphs in its nodes."""
    for inner in _graphs(graph):
        for node in inner.node:
            for names in (node.input, node.output):
                for index, name in enumerate(names):
                    if name == old:
                        names[index] = new
        if inner is not graph:
            for value in inner.output:
                if value.name == old:
                    value.name = new


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        for inner in (attribute.g, *attribute.graphs):
            if inner.node:
                yield from _graphs(inner)


def _alone(
    model: onnx.ModelProto, chain: _Chain, given: onnx.ValueInfoProto, put_out: onnx.ValueInfoProto
) -> onnx.ModelProto:
    """Return a chain as a graph of its own."""
    graph = helper.make_graph(chain.nodes, 'part', [given], [put_out], chain.constants)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _run_parts(parts: Mapping[str, onnx.ModelProto], tensors: Tensors) -> Tensors:
    """Return the tensors with those that have a part as it puts them out."""
    changed = {
        name: ReferenceEvaluator(part).run(None, {part.graph.input[0].name: tensors[name]})[0]
        for name, part in parts.items()
    }
    return {**tensors, **changed}
