# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A runtime for MLServer, which has none for ONNX: as its documentation on custom ones shows."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from session import session_of


class Policy(MLModel):
    """The session of the model file that the settings name as `uri`."""

    async def load(self) -> bool:
        """Build the session."""
        self.session = session_of(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer one observation."""
        values = NumpyCodec.decode_input(payload.inputs[0])
        decision = self.session.run(None, {'observation': values})[0]
        output = NumpyCodec.encode_output('decision', decision)
        return InferenceResponse(model_name=self.name, outputs=[output])
