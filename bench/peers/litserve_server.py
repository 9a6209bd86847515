# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
A server with LitServe, as its documentation shows it: one worker, no batches.

    python litserve_server.py MODEL_FILE PORT
"""

import sys
from typing import Any

import litserve
import numpy as np
from session import session_of


class Policy(litserve.LitAPI):
    """The session of the model file that the command line names."""

    def setup(self, device: str) -> None:
        """Build the session."""
        self.session = session_of(sys.argv[1])

    def decode_request(self, request: dict[str, Any]) -> Any:
        """Return the observation."""
        return np.asarray(request['observation'], np.float32)

    def predict(self, values: Any) -> Any:
        """Return the decision."""
        return self.session.run(None, {'observation': values})[0]

    def encode_response(self, values: Any) -> Any:
        """Return the decision as JSON."""
        return {'decision': values.tolist()}


if __name__ == '__main__':
    server = litserve.LitServer(Policy(), accelerator='cpu', workers_per_device=1)
    server.run(
        host='127.0.0.1', port=int(sys.argv[2]), generate_client_file=False, log_level='error'
    )
