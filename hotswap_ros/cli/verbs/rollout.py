# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap rollout start`, `watch` and the verbs that control a rollout."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from rich.console import Console

from hotswap_ros.cli.terminal import NO_COORDINATOR
from hotswap_ros.cli.verbs.coordinator_call import Connect, with_coordinator
from hotswap_ros.cli.views.dashboard import Heard, LiveView
from hotswap_ros.coordinator import RolloutView
from hotswap_ros.nodes.client import CoordinatorError, FleetClient
from hotswap_ros.rollout import Status

#: Seconds between two pictures, and longest wait for the first or last status of a rollout.
_PERIOD_S, _STATUS_S = 0.1, 3.0


def start_and_watch(console: Console, plan: str) -> int:
    """Start a rollout and show it until its end; return the exit code."""
    with FleetClient() as client:
        if not client.wait_for_coordinator(10.0):
            raise SystemExit(f'hotswap: {NO_COORDINATOR}')
        attachment = Attachment(_known_rollouts(client))
        future = client.start_rollout(plan)
        try:
            with LiveView(console, 'rollout') as view:
                while not (future.done() or attachment.is_over):
                    _show(view, client, attachment.rollout_id)
                    attachment.update(client.status, client.is_there(), time.monotonic())
                    time.sleep(_PERIOD_S)
                if future.done():
                    attachment.rollout_id = future.result().rollout_id
                _show_last(view, client, attachment.rollout_id)
        except KeyboardInterrupt:
            return _leave(console, attachment.rollout_id)
        if not future.done():
            return _show_end(console, client, attachment.rollout_id)
        result = future.result()
        console.print(result.reason, soft_wrap=True, markup=False)
        return 1 if result.error_code else 0


def _show(view: LiveView, client: FleetClient, rollout_id: str) -> None:
    """Show a rollout; nothing but robots while its id is not known."""
    status = client.view_of(rollout_id) if rollout_id else RolloutView()
    view.show(status, heard_by(client))


def heard_by(client: FleetClient) -> Heard:
    """Return what a client hears beside the status of a rollout."""
    return Heard(client.routings(), client.unreachable_robots(), client.coordinator_silent_s())


def _show_last(view: LiveView, client: FleetClient, rollout_id: str) -> None:
    """Show the end of a rollout; its result may arrive before its last status."""
    if not rollout_id:
        return
    give_up_at = time.monotonic() + _STATUS_S
    while time.monotonic() < give_up_at:
        status = client.view_of(rollout_id).status
        if status is not None and status.is_terminal:
            break
        time.sleep(0.02)
    _show(view, client, rollout_id)


def _leave(console: Console, rollout_id: str) -> int:
    """Say that the rollout goes on without this view, and how to see and to end it."""
    name = f' {rollout_id}' if rollout_id else ''
    console.print(
        f'Only the view has ended: the rollout{name} goes on.\n'
        f'  hotswap rollout watch{name}    watches it again\n'
        f'  hotswap rollout abort{name}    ends it and rolls back',
        soft_wrap=True,
        highlight=False,
    )
    return 0


class Attachment:
    """
    Detects the end of a rollout whose coordinator was restarted.

    The goal ends with the coordinator that accepted it, the rollout does not: the next coordinator
    continues it and publishes its status. `before` are the rollouts from before the goal.
    """

    #: Seconds that the result of the goal, or the status of a new coordinator, may take.
    PATIENCE_S = 5.0

    def __init__(self, before: Collection[str]) -> None:
        self.rollout_id = ''
        self.is_over = False
        self._before = {'', *before}
        self._was_restarted = False
        self._since: float | None = None

    def update(self, status: Any, is_there: bool, now: float) -> None:
        """Take the newest status, and whether there is a coordinator, at `now` (seconds)."""
        if not self.rollout_id and status.rollout_id not in self._before:
            self.rollout_id = status.rollout_id
        self._was_restarted = self._was_restarted or not is_there
        if not (is_there and self._is_past(status)):
            self._since = None
            return
        self._since = now if self._since is None else self._since
        self.is_over = now - self._since >= self.PATIENCE_S

    def _is_past(self, status: Any) -> bool:
        """Return whether the rollout has ended, or has never begun."""
        if not self.rollout_id:
            return self._was_restarted
        return self.rollout_id not in status.rollouts_under_way


def _known_rollouts(client: FleetClient) -> set[str]:
    """Return the rollouts under way and the last one."""
    client.wait_for_status(_STATUS_S)
    status = client.status
    return {status.rollout_id, *status.rollouts_under_way}


def _show_end(console: Console, client: FleetClient, rollout_id: str) -> int:
    if not rollout_id:
        console.print(
            'hotswap: the coordinator restarted before the rollout began: start the rollout again',
            soft_wrap=True,
        )
        return 1
    try:
        report = client.report(rollout_id)
    except (CoordinatorError, TimeoutError) as error:
        raise SystemExit(f'hotswap: {error}') from error
    console.print(report['reason'], soft_wrap=True, markup=False)
    return 0 if report['status'] == Status.SUCCEEDED.value else 1


def watch_rollout(console: Console, rollout: str = '') -> int:
    """
    Show a rollout until it ends; return the exit code.

    An empty id stands for the newest rollout under way, or else the last one.
    """
    with FleetClient() as client:
        if not client.wait_for_coordinator(10.0):
            raise SystemExit(f'hotswap: {NO_COORDINATOR}')
        shown = rollout
        if not rollout and not any(_known_rollouts(client)):
            console.print(
                'There has been no rollout yet: the first one is shown when it begins. '
                'Ctrl-C ends the wait.'
            )
        try:
            with LiveView(console, 'rollout') as view:
                while not _has_ended(client, rollout):
                    shown = rollout or client.status.rollout_id
                    _show(view, client, shown)
                    time.sleep(_PERIOD_S)
                shown = rollout or client.status.rollout_id
                # One that ended earlier is in the history only.
                if client.view_of(shown).rollout_id:
                    _show_last(view, client, shown)
        except KeyboardInterrupt:
            return _leave(console, shown) if shown else 0
        if rollout:
            return _show_end(console, client, rollout)
        console.print(client.status.reason, soft_wrap=True, markup=False)
        return 0 if client.rollout_state is Status.SUCCEEDED else 1


def _has_ended(client: FleetClient, rollout: str) -> bool:
    if rollout:
        return client.status.stamp.sec > 0 and rollout not in client.status.rollouts_under_way
    status = client.rollout_state
    return status is not None and status.is_terminal


def run_control(
    console: Console,
    command: str,
    rollout: str,
    remark: str,
    share: float = 0.0,
    connect: Connect = FleetClient,
    by: str = '',
    robot_id: str = '',
) -> int:
    """Send a command to a rollout; return the exit code."""

    def say(client: FleetClient) -> None:
        client.control(command, rollout, remark, share, by, robot_id)
        console.print(f'{command.lower().replace("_", " ")}: done')

    return with_coordinator(console, connect, say)
