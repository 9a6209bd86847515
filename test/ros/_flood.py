# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A process that publishes statuses as nobody should: `_flood.py RATE ROBOTS FIELD BYTES`."""

import sys
import time

import rclpy
from rclpy.node import Node

from hotswap_ros import msg
from hotswap_ros.nodes import qos


def status(number: int, field: str, size: int) -> msg.RobotStatus:
    """Return the status of a robot that does not exist; `field` has a text of `size`."""
    name = f'flood_{number}'
    found = msg.RobotStatus(
        robot_id=name,
        server=f'/{name}/model_server',
        model_id='pick_policy',
        boot_id='one',
        routing=msg.Routing(model_id='pick_policy', stable='v23'),
        versions=[msg.VersionStatus(version='v23', state=msg.VersionStatus.STATE_READY)],
        health=msg.RobotStatus.HEALTH_OK,
    )
    if field == 'server':
        found.server = '{evil}/x'
    elif field == 'reason':
        found.versions[0].reason = 'x' * size
    elif field:
        setattr(found, field, '\x1b[2J' + 'x' * size)
    return found


def main(per_second: int, robots: int, field: str, size: int) -> None:
    """Publish until somebody ends the process."""
    rclpy.init()
    node = Node('flood', enable_rosout=False, start_parameter_services=False)
    publisher = node.create_publisher(msg.RobotStatus, '/fleet/status', qos.EVENT)
    messages = [status(number, field, size) for number in range(robots)]
    while not publisher.get_subscription_count():
        time.sleep(0.05)
    print('flooding', flush=True)
    began, sent = time.monotonic(), 0
    while True:
        for _ in range(int((time.monotonic() - began) * per_second) - sent):
            publisher.publish(messages[sent % robots])
            sent += 1
        time.sleep(0.005)


if __name__ == '__main__':
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
