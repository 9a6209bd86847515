# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Conversions of rollouts' messages: every value comes back, and unknown numbers do no harm."""

import math
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip('rclpy', reason='needs ROS')
pytest.importorskip('hotswap_ros.msg', reason='needs the built ROS package')

from builtin_interfaces.msg import Time

from hotswap_ros import msg
from hotswap_ros.coordinator import Forecast, RolloutSummary, StepState
from hotswap_ros.fleet import Event, EventKind, Level
from hotswap_ros.gates import CheckResult, Verdict
from hotswap_ros.nodes.conversions.common import InterfaceMismatchError
from hotswap_ros.nodes.conversions.plan import forecast_msg, item_msg, item_value
from hotswap_ros.nodes.conversions.rollout import (
    alert_msg,
    alert_value,
    rollout_feedback,
    rollout_status_msg,
    rollout_view,
    status_code,
    status_of,
    summary_msg,
    summary_value,
)
from hotswap_ros.plan import ChecklistItem, Item, ItemState, load_plan
from hotswap_ros.rollout import PauseReason, Status, Verb
from hotswap_ros.sim.virtual import (
    FleetSpec,
    VirtualClock,
    VirtualFleet,
    VirtualSession,
    load_outcomes,
)

OUTCOMES = Path(__file__).parents[3] / 'config' / 'outcomes'
PLAN = (
    'modelId: pick_policy\nversion: v24\nstrategy: ProgressiveRollout\nautoProgress: false\n'
    'stages: [{percentage: 50, duration: PT1M}, {percentage: 100, duration: PT0M}]\n'
)
texts = st.text(max_size=12)
whole_seconds = st.integers(1, 2**31 - 1).map(float)
uint32 = st.integers(0, 2**32 - 1)
uint64 = st.integers(0, 2**64 - 1)
figures = st.floats()


def same(one, other):
    """Return whether two values are equal, with NaN equal to itself."""
    return repr(one) == repr(other)


@pytest.fixture(scope='module')
def session():
    spec = FleetSpec(robots=6, task_s=2)
    clock = VirtualClock(1_767_600_000.0)
    truth = list(load_outcomes(OUTCOMES, ['v23', 'v24']).values())
    found = VirtualSession(VirtualFleet(spec, truth, clock), clock)
    yield found
    found.close()


@pytest.fixture(scope='module')
def observed(session):
    """Return the snapshot of a rollout that observes its first stage."""
    rollout_id = session.start(load_plan(PLAN))
    assert session.run(lambda: session.snapshot(rollout_id).tasks > 20, 600)
    return session.snapshot(rollout_id)


# -- status ---------------------------------------------------------------------------------------


@pytest.mark.parametrize('status', Status)
def test_every_status_has_its_constant_and_comes_back(status):
    code = status_code(status)
    assert code == getattr(msg.RolloutStatus, f'STATUS_{status.name}')
    assert status_of(code) is status


@given(st.integers(0, 255))
def test_every_number_is_a_status_or_none(number):
    status = status_of(number)
    assert status is None or status_code(status) == number


def test_a_snapshot_comes_back(observed):
    status = rollout_status_msg(observed)
    assert status.rollout_id == observed.state.rollout_id
    assert (status.model_id, status.version, status.strategy) == (
        'pick_policy',
        'v24',
        'ProgressiveRollout',
    )
    assert list(status.previous_versions) == ['v23']
    assert status.status == msg.RolloutStatus.STATUS_RUNNING
    assert status.pause_reason == msg.RolloutStatus.PAUSE_NONE
    assert list(status.cohort) == list(observed.cohort)
    assert len(status.cohort) == 3
    assert status.robots_total == 6
    for field in ('robots_confirmed', 'robots_unreachable', 'tasks', 'tasks_needed', 'elapsed_s'):
        assert getattr(status, field) == getattr(observed, field)
    for found, step in zip(status.steps, observed.steps, strict=True):
        assert (found.title, found.progress) == (step.title, step.progress)
        assert found.kind == getattr(msg.StepStatus, f'KIND_{step.kind.upper()}')
        assert found.state == getattr(msg.StepStatus, f'STATE_{step.state.name}')
    assert {check.name for check in status.checks} == {check.name for check in observed.checks}


def test_a_client_sees_the_values_of_the_snapshot(observed):
    view = rollout_view(rollout_status_msg(observed))
    assert (view.rollout_id, view.version) == (observed.state.rollout_id, 'v24')
    assert view.previous_versions == ('v23',)
    assert view.status is observed.state.status
    assert view.step_index == observed.state.step_index
    for field in ('steps', 'tasks', 'tasks_needed', 'elapsed_s'):
        assert getattr(view, field) == getattr(observed, field)
    shown = [(check.name, check.verdict, check.n, check.sentence) for check in view.checks]
    assert shown == [(c.name, c.verdict, c.n, c.sentence) for c in observed.checks]


def test_a_client_shows_the_status_of_a_newer_coordinator():
    step, check = msg.StepStatus(kind=99, state=99), msg.CheckResult(name='new', verdict=99)
    status = msg.RolloutStatus(rollout_id='r', status=99, steps=[step], checks=[check])
    view = rollout_view(status)
    assert view.status is None
    assert (view.steps[0].kind, view.steps[0].state) == ('unknown', StepState.PENDING)
    assert (view.checks[0].name, view.checks[0].verdict) == ('new', Verdict.PENDING)


def test_feedback_is_that_of_the_running_step(observed):
    feedback = rollout_feedback(observed)
    assert feedback.status == msg.RolloutStatus.STATUS_RUNNING
    assert feedback.steps_total == len(observed.steps)
    assert feedback.step_index == observed.state.step_index
    assert feedback.step == observed.steps[feedback.step_index].title
    assert feedback.progress == observed.steps[feedback.step_index].progress
    assert (feedback.tasks, feedback.tasks_needed) == (observed.tasks, observed.tasks_needed)
    assert len(feedback.verdicts) == len(observed.checks)


@given(
    st.sampled_from(Verdict),
    st.dictionaries(
        st.sampled_from(
            [
                field
                for field in msg.CheckResult.get_fields_and_field_types()
                if field not in ('name', 'verdict', 'method', 'sentence', 'n', 'n_control')
            ]
        ),
        figures,
    ),
    texts,
    uint64,
    uint64,
)
def test_a_check_comes_back_also_without_figures(observed, verdict, given_figures, text, n, m):
    check = CheckResult('success', verdict, text, text, n=n, n_control=m, **given_figures)
    found = rollout_status_msg(replace(observed, checks=(check,))).checks[0]
    assert found.verdict == getattr(msg.CheckResult, f'VERDICT_{verdict.name}')
    for field in msg.CheckResult.get_fields_and_field_types():
        if field != 'verdict':
            assert same(getattr(found, field), getattr(check, field))


@pytest.mark.parametrize('reason', PauseReason)
def test_every_pause_reason_has_a_constant(reason):
    assert hasattr(msg.RolloutStatus, f'PAUSE_{reason.name}')


def test_pauses_are_told_by_their_constants(session, observed):
    rollout_id = observed.state.rollout_id

    def pause_reason():
        return rollout_status_msg(session.snapshot(rollout_id)).pause_reason

    session.command(rollout_id, Verb.PAUSE)
    assert pause_reason() == msg.RolloutStatus.PAUSE_BY_HAND
    session.command(rollout_id, Verb.RESUME)
    assert session.run(lambda: pause_reason() == msg.RolloutStatus.PAUSE_APPROVAL, 600)


def test_steps_of_an_aborted_rollout_have_their_kinds_and_states(session, observed):
    rollout_id = observed.state.rollout_id
    session.command(rollout_id, Verb.ABORT)
    assert session.run(lambda: session.snapshot(rollout_id).state.status.is_terminal, 600)
    status = rollout_status_msg(session.snapshot(rollout_id))
    assert status.status == msg.RolloutStatus.STATUS_ABORTED
    kinds = [step.kind for step in status.steps]
    assert msg.StepStatus.KIND_UNKNOWN not in kinds
    assert msg.StepStatus.KIND_APPROVAL in kinds
    assert status.steps[0].state == msg.StepStatus.STATE_DONE
    assert status.steps[-1].state == msg.StepStatus.STATE_PENDING


# -- alerts ---------------------------------------------------------------------------------------


@given(
    whole_seconds,
    st.sampled_from(EventKind),
    st.sampled_from(Level),
    texts,
    st.lists(texts, max_size=3),
    texts,
)
def test_an_alert_comes_back(time, kind, level, text, robots, rollout_id):
    event = Event(
        time=time,
        kind=kind,
        level=level,
        text=text,
        robots=tuple(robots),
        alert=True,
        rollout_id=rollout_id,
    )
    message = alert_msg(event)
    assert message.level == getattr(msg.Alert, f'LEVEL_{level.name}')
    assert message.rollout_id == rollout_id
    assert alert_value(message) == event


@given(st.integers(len(Level) + 1, 255))
def test_an_alert_of_a_newer_coordinator_is_still_an_alert(number):
    event = alert_value(msg.Alert(level=number, kind='a_new_kind', text='t'))
    assert (event.level, event.kind, event.text) == (Level.INFO, EventKind.UNKNOWN, 't')
    assert event.alert


# -- history --------------------------------------------------------------------------------------


@given(
    st.builds(
        RolloutSummary,
        *[texts] * 4,
        whole_seconds,
        st.one_of(st.none(), whole_seconds),
        st.sampled_from(Status),
        texts,
        uint32,
        uint32,
        uint64,
        texts,
    )
)
def test_a_line_of_history_comes_back(summary):
    message = summary_msg(summary)
    assert message.status == getattr(msg.RolloutStatus, f'STATUS_{summary.status.name}')
    assert (message.ended == Time()) == (summary.ended is None)
    assert summary_value(message) == summary


@pytest.mark.parametrize('number', [0, len(Status) + 1, 255])
def test_an_unknown_status_in_the_history_is_refused_with_a_remedy(number):
    message = msg.RolloutSummary(rollout_id='r-1', status=number)
    with pytest.raises(InterfaceMismatchError, match=r'r-1.*install the same'):
        summary_value(message)


# -- checklists and forecasts ---------------------------------------------------------------------


@given(st.sampled_from(Item), st.sampled_from(ItemState), texts, texts, texts)
def test_an_item_of_a_checklist_comes_back(name, state, sentence, by, remark):
    item = ChecklistItem(name=name, state=state, sentence=sentence, by=by, remark=remark)
    message = item_msg(item)
    assert message.state == getattr(msg.ChecklistItem, f'STATE_{state.name}')
    assert item_value(message) == item


@pytest.mark.parametrize(
    ('name', 'state'), [('a_new_item', 1), ('', 1), ('storage', 0), ('storage', 99)]
)
def test_an_unknown_item_of_a_checklist_is_refused_with_a_remedy(name, state):
    message = msg.ChecklistItem(name=name, state=state)
    with pytest.raises(InterfaceMismatchError, match='install the same'):
        item_value(message)


@given(
    st.builds(
        Forecast,
        st.lists(texts, max_size=3).map(tuple),
        figures,
        uint64,
        uint64,
        st.one_of(st.just(math.nan), st.floats(0, 1)),
        st.lists(texts, max_size=2).map(tuple),
    )
)
def test_a_forecast_comes_back(forecast):
    message = forecast_msg(forecast)
    for field in fields(Forecast):
        name = {'tasks': 'expected_tasks', 'control_tasks': 'expected_control_tasks'}.get(
            field.name, field.name
        )
        found, expected = getattr(message, name), getattr(forecast, field.name)
        assert same(tuple(found) if isinstance(expected, tuple) else found, expected)
