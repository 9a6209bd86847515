# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reads an ONNX file of any exporter: fixes its shapes, and joins weights from other files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, checker, external_data_helper, helper, shape_inference

from hotswap_ros.limits import MODEL_BYTES, PROBLEM_CHARACTERS
from hotswap_ros.models.errors import ModelError
from hotswap_ros.models.importers.preprocessing import Change, Merged, merged
from hotswap_ros.models.tensor import DType
from hotswap_ros.models.verified import open_regular
from hotswap_ros.text import few, shortened, size_words

#: What other files of weights begin with or end in, and what makes an ONNX file of them.
_REMEDIES = {
    '.pt': 'export it with torch.onnx.export',
    '.pth': 'export it with torch.onnx.export',
    '.safetensors': 'load it into its network and export that with torch.onnx.export',
    '.zip': 'it is a checkpoint of a training: export its policy with torch.onnx.export',
    '.engine': 'TensorRT makes this file from an ONNX file for one device: give the ONNX file',
    '.plan': 'TensorRT makes this file from an ONNX file for one device: give the ONNX file',
    '.tflite': 'convert it with tf2onnx',
}


class ImportRefusedError(ModelError):
    """A file that cannot become a version; the message says why and what to do."""


@dataclass(frozen=True)
class ImportedTensor:
    """An input or output of a graph. A size is None, and a shape, where only a run shows it."""

    name: str
    dtype: DType
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class ImportedGraph:
    """
    A graph in one file, with fixed inputs; `notes` tell people what was changed.

    `merged` has the parts of a graph with added preprocessing.
    """

    content: bytes
    inputs: tuple[ImportedTensor, ...]
    outputs: tuple[ImportedTensor, ...]
    notes: tuple[str, ...]
    merged: Merged | None = None


def read_onnx(
    path: Path, sizes: Mapping[str, int], changes: Mapping[str, Change] | None = None
) -> ImportedGraph:
    """
    Read an ONNX file whose symbolic dimensions get these sizes.

    Keys of `sizes` are names of dimensions (`batch`), or a tensor with an index (`observation[0]`)
    where a dimension has no name. `changes` of tensors, by name, become nodes. Raises
    ImportRefusedError and PreprocessingError.
    """
    model = _load(path)
    notes = []
    outside = _files_of_weights(model)
    if outside:
        _join(model, path.parent, outside)
        notes.append(f'weights of {few(outside)} are joined into the file')
    fixed = _fix(model, sizes)
    if fixed:
        notes.append(f'fixed dimensions: {few(fixed)}')
    parts = merged(model, changes) if changes else None
    model = _with_inferred_shapes(model)
    return ImportedGraph(
        content=model.SerializeToString(deterministic=True),
        inputs=tuple(_tensor(value, 'input') for value in _inputs_of(model)),
        outputs=tuple(_tensor(value, 'output') for value in model.graph.output),
        notes=tuple(notes),
        merged=parts,
    )


def _load(path: Path) -> onnx.ModelProto:
    remedy = _REMEDIES.get(path.suffix.lower())
    if remedy is not None:
        raise ImportRefusedError(f'{path} is no ONNX file: {remedy}')
    try:
        with open_regular(path) as file:
            content = file.read(MODEL_BYTES + 1)
    except OSError as error:
        raise ImportRefusedError(f'{path} cannot be read: {error.strerror}') from error
    if len(content) > MODEL_BYTES:
        raise ImportRefusedError(f'{path} has more than {size_words(MODEL_BYTES)}')
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # of protobuf, which is no library of ours
        raise ImportRefusedError(f'{path} is no ONNX file, or damaged: {error}') from error
    if not model.graph.node or not model.graph.output:
        raise ImportRefusedError(f'{path} is no ONNX file: it has no graph with outputs')
    return model


def _files_of_weights(model: onnx.ModelProto) -> list[str]:
    names = (
        external_data_helper.ExternalDataInfo(tensor).location
        for tensor in _constants(model.graph)
        if external_data_helper.uses_external_data(tensor)
    )
    return sorted(set(names))


def _constants(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Yield the constants of a graph and of the graphs in its nodes."""
    yield from graph.initializer
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for inner in (attribute.g, *attribute.graphs):
            yield from _constants(inner)


def _join(model: onnx.ModelProto, folder: Path, names: list[str]) -> None:
    for name in names:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise ImportRefusedError(
                f'its weights are in {shortened(name, 80)}, outside of {folder}: copy that file '
                'there and save the model again'
            )
        if not (folder / name).is_file():
            raise ImportRefusedError(
                f'its weights are in {name}, which is not in {folder}: copy that file there'
            )
    size = model.ByteSize() + sum((folder / name).stat().st_size for name in names)
    if size > MODEL_BYTES:
        raise ImportRefusedError(
            f'it has {size_words(size)} with its weights; a version has one file of at most '
            f'{size_words(MODEL_BYTES)}: export it with smaller weights, such as float16'
        )
    try:
        external_data_helper.load_external_data_for_model(model, str(folder))
    except (OSError, ValueError, checker.ValidationError) as error:
        raise ImportRefusedError(f'the weights in {few(names)} cannot be read: {error}') from error


def _fix(model: onnx.ModelProto, sizes: Mapping[str, int]) -> list[str]:
    """Give symbolic dimensions of the inputs their sizes; return what was fixed."""
    unknown, used = [], set()
    for value in _inputs_of(model):
        for key, dimension in _symbolic(value):
            name = next((k for k in (key, dimension.dim_param) if k and k in sizes), None)
            if name is None:
                unknown.append(dimension.dim_param or key)
            else:
                used.add(name)
    if unknown:
        options = ' '.join(f'--shape {name}=1' for name in dict.fromkeys(unknown))
        raise ImportRefusedError(
            f'the size of {few(dict.fromkeys(unknown))} is not fixed in the graph: say it, '
            f'such as {options}'
        )
    unused = sorted(set(sizes) - used)
    if unused:
        raise ImportRefusedError(
            f'no input has the dimension {few(unused)} without a size: leave it out'
        )
    for value in (*_inputs_of(model), *model.graph.output, *model.graph.value_info):
        for key, dimension in _symbolic(value):
            size = sizes.get(key, sizes.get(dimension.dim_param))
            if size is not None:
                dimension.dim_value = size
    return [f'{name} = {sizes[name]}' for name in sorted(used)]


def _symbolic(value: onnx.ValueInfoProto) -> Iterator[tuple[str, Any]]:
    shape = value.type.tensor_type.shape
    for index, dimension in enumerate(shape.dim):
        if not dimension.HasField('dim_value') or dimension.dim_value <= 0:
            yield f'{value.name}[{index}]', dimension


def _with_inferred_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with the shapes that follow from its inputs; the runtime checks it."""
    try:
        return shape_inference.infer_shapes(model, data_prop=True)
    except (shape_inference.InferenceError, ValueError) as error:
        said = shortened(str(error), PROBLEM_CHARACTERS)
        raise ImportRefusedError(f'the graph is not valid ONNX: {said}') from error


def _inputs_of(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs that have no value of their own."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def _tensor(value: onnx.ValueInfoProto, kind: str) -> ImportedTensor:
    if not value.type.HasField('tensor_type'):
        raise ImportRefusedError(
            f"{kind} '{value.name}' is a {value.type.WhichOneof('value')}, not a tensor"
        )
    return ImportedTensor(value.name, _dtype(value, kind), _shape(value))


def _dtype(value: onnx.ValueInfoProto, kind: str) -> DType:
    number = value.type.tensor_type.elem_type
    # Of types that NumPy lacks, such as bfloat16, this is the nearest one.
    exact = number not in (TensorProto.STRING, TensorProto.BFLOAT16)
    name = helper.tensor_dtype_to_np_dtype(number).name if exact and number else ''
    try:
        return DType(name)
    except ValueError:
        types = ', '.join(known.value for known in DType)
        found = TensorProto.DataType.Name(number).lower()
        raise ImportRefusedError(
            f"{kind} '{value.name}' has elements of the type {found}: a version may have {types}"
        ) from None


def _shape(value: onnx.ValueInfoProto) -> tuple[int | None, ...] | None:
    kind = value.type.tensor_type
    if not kind.HasField('shape'):
        return None
    return tuple(
        dimension.dim_value if dimension.dim_value > 0 else None for dimension in kind.shape.dim
    )
