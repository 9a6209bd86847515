# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Translation between messages and the plain values of the other rooms."""

from hotswap_ros.nodes.conversions.common import (
    CAUSES,
    STATES,
    InterfaceMismatchError,
    diagnostics_msg,
    duration_msg,
    routing_msg,
    routing_value,
    seconds,
    time_msg,
)
from hotswap_ros.nodes.conversions.plan import forecast_msg, item_msg, item_value
from hotswap_ros.nodes.conversions.report import (
    robot_clock,
    robot_report,
    telemetry_value,
)
from hotswap_ros.nodes.conversions.robot import (
    TensorError,
    arrays_to_tensors,
    breaker_fields,
    decision_msg,
    shadow_msg,
    telemetry_msg,
    tensors_to_arrays,
    version_msg,
)
from hotswap_ros.nodes.conversions.rollout import (
    alert_msg,
    alert_value,
    rollout_feedback,
    rollout_status_msg,
    rollout_view,
    status_code,
    status_of,
    step_msgs,
    summary_msg,
    summary_value,
)

__all__ = [
    'CAUSES',
    'STATES',
    'InterfaceMismatchError',
    'TensorError',
    'alert_msg',
    'alert_value',
    'arrays_to_tensors',
    'breaker_fields',
    'decision_msg',
    'diagnostics_msg',
    'duration_msg',
    'forecast_msg',
    'item_msg',
    'item_value',
    'robot_clock',
    'robot_report',
    'rollout_feedback',
    'rollout_status_msg',
    'rollout_view',
    'routing_msg',
    'routing_value',
    'seconds',
    'shadow_msg',
    'status_code',
    'status_of',
    'step_msgs',
    'summary_msg',
    'summary_value',
    'telemetry_msg',
    'telemetry_value',
    'tensors_to_arrays',
    'time_msg',
    'version_msg',
]
