# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Promotion on a proof, the ways out without one, and stages in which nothing happens."""

import pytest

from hotswap_ros.rollout import CommandRefusedError, PauseReason, Status, Verb

#: A last stage that is far too short for a proof.
SHORT = ((50, 100), (100, 200))
HEAD = 'modelId: pick_policy\nversion: v24\n'


def proving(plan, tasks=300, stages=SHORT, **extra):
    budget = f'{{tasks: {tasks}, duration: PT20M}}'
    return plan(stages=stages, promoteOn='proven', proofBudget=budget, **extra)


def run_into_pause(fleet, rollout):
    fleet.run_until(lambda: fleet.state(rollout).status is not Status.RUNNING)
    state = fleet.state(rollout)
    assert (state.status, state.pause_reason) == (Status.PAUSED, PauseReason.INCONCLUSIVE)
    return state


def test_a_version_is_promoted_once_it_is_proven(make_fleet, plan):
    fleet = make_fleet({'v24': 0.95})
    rollout = fleet.start(proving(plan, tasks=20_000))
    state = fleet.finish(rollout)
    assert (state.status, fleet.stables()) == (Status.SUCCEEDED, {'v24'})
    success = fleet.coordinator.report(rollout)['checks'][0]
    assert success['is_proven']
    assert fleet.coordinator.report(rollout)['promotes_on'] == 'proven'
    assert 'proof' in fleet.kinds()
    assert fleet.coordinator.report(rollout)['candidate_tasks'] > 300, 'the last stage went on'


def test_a_version_of_which_nothing_is_proven_is_not_promoted_by_itself(make_fleet, plan):
    fleet = make_fleet({'v24': 0.90})
    rollout = fleet.start(proving(plan, onInconclusive='continue'))
    state = run_into_pause(fleet, rollout)
    assert state.awaits_proof
    fleet.run(30)
    assert fleet.state(rollout).status is Status.PAUSED
    assert fleet.stables() == {'v23'}


def test_the_same_plan_promotes_it_where_no_harm_is_enough(make_fleet, plan):
    fleet = make_fleet({'v24': 0.90})
    rollout = fleet.start(plan(stages=SHORT))
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.coordinator.report(rollout)['promotes_on'] == 'noHarm'


def test_a_plan_may_say_that_what_is_not_proven_rolls_back(make_fleet, plan):
    fleet = make_fleet({'v24': 0.90})
    rollout = fleet.start(proving(plan, onInconclusive='rollback'))
    assert fleet.finish(rollout).status is Status.ROLLED_BACK
    assert fleet.stables() == {'v23'}


def test_more_tasks_are_as_many_as_the_budget(make_fleet, plan):
    fleet = make_fleet({'v24': 0.91})
    rollout = fleet.start(proving(plan))
    run_into_pause(fleet, rollout)
    fleet.run(20)
    fleet.command(rollout, Verb.RESUME)
    began = fleet.state(rollout).proof.tasks
    fleet.step()
    fleet.boot_coordinator()
    run_into_pause(fleet, rollout)
    assert fleet.state(rollout).proof.tasks == began
    end = fleet.state(rollout).candidate_tasks - fleet.state(rollout).tasks_at_step_start
    assert 300 <= end - began <= 400


def test_time_ends_the_budget_too(make_fleet, plan):
    fleet = make_fleet({'v24': 0.91})
    rollout = fleet.start(proving(plan, tasks=1_000_000))
    fleet.run_until(lambda: fleet.state(rollout).proof is not None)
    began = fleet.now
    fleet.run_until(lambda: fleet.state(rollout).status is Status.PAUSED)
    assert fleet.now - began == pytest.approx(20 * 60, abs=2)


def test_a_person_promotes_by_name_and_the_report_has_it(make_fleet, plan, refusal):
    fleet = make_fleet({'v24': 0.91})
    rollout = fleet.start(proving(plan))
    run_into_pause(fleet, rollout)
    with pytest.raises(CommandRefusedError, match=refusal(Verb.SKIP_WAIT, Status.PAUSED, 1)):
        fleet.command(rollout, Verb.SKIP_WAIT)
    for by, remark in (('', 'as good as it gets'), ('Ann', '')):
        with pytest.raises(CommandRefusedError, match='by'):
            fleet.command(rollout, Verb.PROMOTE, remark, by=by)
    fleet.command(rollout, Verb.PROMOTE, 'as good as it gets', by='Ann')
    state = fleet.finish(rollout)
    assert (state.status, fleet.stables()) == (Status.SUCCEEDED, {'v24'})
    found = fleet.coordinator.report(rollout)['promoted_by']
    assert found == {'by': 'Ann', 'remark': 'as good as it gets'}
    assert [e.alert for e in fleet.events if e.kind == 'override'] == [True]
    assert 'Ann' in state.reason


def test_a_person_rolls_back_what_is_not_proven(make_fleet, plan):
    fleet = make_fleet({'v24': 0.91})
    rollout = fleet.start(proving(plan))
    run_into_pause(fleet, rollout)
    fleet.command(rollout, Verb.ROLLBACK, 'not worth it')
    assert fleet.finish(rollout).status is Status.ROLLED_BACK


def test_promote_is_for_a_missing_proof_alone(fleet, plan, refusal):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.state(rollout).step.kind == 'observe')
    fleet.step()
    with pytest.raises(CommandRefusedError, match=refusal(Verb.PROMOTE, Status.RUNNING)):
        fleet.command(rollout, Verb.PROMOTE, 'why not', by='Ann')


def test_an_earlier_stage_needs_no_proof_and_can_be_skipped(fleet, plan):
    rollout = fleet.start(proving(plan, stages=((50, 10_000), (100, 200))))
    fleet.run_until(lambda: fleet.state(rollout).step.kind == 'observe')
    fleet.step()
    index = fleet.state(rollout).step_index
    fleet.command(rollout, Verb.SKIP_WAIT)
    assert fleet.state(rollout).step_index > index


def test_harm_that_is_found_while_a_proof_is_awaited_rolls_back(make_fleet, plan):
    fleet = make_fleet({'v24': 0.91})
    rollout = fleet.start(proving(plan, tasks=100_000))
    fleet.run_until(lambda: fleet.state(rollout).proof is not None)
    for robot in fleet.robots.values():
        robot.success['v24'] = 0.3
    assert fleet.finish(rollout).status is Status.ROLLED_BACK


def test_a_region_is_promoted_only_once_the_version_is_proven(make_fleet):
    fleet = make_fleet({'v24': 0.91}, regions=('north', 'south'))
    rollout = fleet.start(
        f'{HEAD}strategy: RegionalRollout\nregions: [north, south]\ndelayBetweenRegions: PT30S\n'
        'tasks: 100\npromoteOn: proven\nproofBudget: {tasks: 300}\n'
    )
    run_into_pause(fleet, rollout)
    assert fleet.stables() == {'v23'}


@pytest.mark.parametrize(
    'how',
    [
        'controlLoop: {interval: 10, step: 0.3}',
        'schedule: [{after: 0, share: 0.2}, {after: 30, share: 0.5}, {after: 60, share: 1}]',
    ],
)
def test_a_flag_does_not_reach_everything_unless_the_version_is_proven(make_fleet, how):
    fleet = make_fleet({'v24': 0.89})
    flag = f'{HEAD}strategy: FeatureFlag\n{how}\npromoteOn: proven\n'
    rollout = fleet.start(f'{flag}proofBudget: {{tasks: 200}}\n')
    state = run_into_pause(fleet, rollout)
    assert 0 < state.ramp.share < 1
    fleet.command(rollout, Verb.PROMOTE, 'enough', by='Ann')
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.stables() == {'v24'}


def test_a_flag_goes_up_to_everything_once_the_version_is_proven(make_fleet):
    fleet = make_fleet({'v24': 0.999})
    rollout = fleet.start(
        f'{HEAD}strategy: FeatureFlag\ncontrolLoop: {{interval: 10, step: 0.5}}\n'
        'promoteOn: proven\n'
    )
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert 'proof' in fleet.kinds()


def test_blue_stays_loaded_until_green_is_proven(make_fleet):
    fleet = make_fleet({'v24': 0.91})
    fleet.run(60)
    rollout = fleet.start(
        f'{HEAD}strategy: BlueGreen\nvalidationTasks: 100\nwatchDuration: 30\nretention: 0\n'
        'promoteOn: proven\nproofBudget: {tasks: 300}\n'
    )
    run_into_pause(fleet, rollout)
    assert all('v23' in robot.versions for robot in fleet.robots.values())
    fleet.command(rollout, Verb.ROLLBACK)
    assert fleet.finish(rollout).status is Status.ROLLED_BACK
    assert fleet.stables() == {'v23'}


def test_a_faster_version_does_not_win_before_its_success_is_proven(make_fleet):
    trial = (
        'strategy: ABTesting\nmodelA: {modelId: pick_policy, version: v23}\n'
        'modelB: {modelId: pick_policy, version: v24}\ntasks: 300\nassignment: tasks\n'
        'winnerCriteria: {metric: latency}\npromoteOn: '
    )
    for promote_on, stable in (('noHarm', 'v24'), ('proven', 'v23')):
        fleet = make_fleet({'v24': 0.91})
        for robot in fleet.robots.values():
            robot.latency = {'v24': 3}
        rollout = fleet.start(trial + promote_on)
        assert fleet.finish(rollout).status is Status.SUCCEEDED
        assert fleet.stables() == {stable}


# -- spread thin ---------------------------------------------------------------------------------


THIN = (
    f'{HEAD}strategy: Canary\nspread: thin\nstages:\n- {{share: 0.1, tasks: 40}}\n'
    '- {share: 0.5, tasks: 200}\npromoteOn: proven\n'
)


def test_a_small_share_on_all_robots_promotes_a_good_version(make_fleet):
    fleet = make_fleet({'v24': 0.995})
    rollout = fleet.start(THIN)
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    assert all(robot.routing.candidate_share == 0.1 for robot in fleet.robots.values())
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    assert fleet.stables() == {'v24'}


def test_a_small_share_on_all_robots_finds_a_bad_version(make_fleet):
    fleet = make_fleet({'v24': 0.6})
    rollout = fleet.start(THIN)
    state = fleet.finish(rollout)
    assert state.status is Status.ROLLED_BACK
    assert state.candidate_tasks < 100


# -- silence is not success -----------------------------------------------------------------------


def silence(fleet, of_new_robots_alone):
    """Let the robots do nothing from the second stage on, all or those that are new in it."""
    canaries = {r.robot_id for r in fleet.robots.values() if r.routing.candidate}

    def step():
        for robot in fleet.robots.values():
            if robot.robot_id in canaries and of_new_robots_alone:
                robot.do_tasks(2)
        fleet.step(tasks=0)

    return step


@pytest.mark.parametrize('of_new_robots_alone', [False, True])
@pytest.mark.parametrize('end', ['tasks: 40, timeout: PT2M', 'duration: PT1M'])
@pytest.mark.parametrize('on_inconclusive', ['pause', 'continue'])
def test_a_stage_does_not_pass_on_the_tasks_of_the_one_before(
    fleet, of_new_robots_alone, end, on_inconclusive
):
    rollout = fleet.start(
        f'{HEAD}strategy: Canary\nonInconclusive: {on_inconclusive}\nstages:\n'
        '- {percentage: 20, tasks: 200}\n'
        f'- {{percentage: 50, {end}}}\n- {{percentage: 100, tasks: 40}}\n'
    )
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    step = silence(fleet, of_new_robots_alone)
    fleet.run_until(lambda: fleet.state(rollout).step_index > 2, tasks=2)
    for _ in range(400):
        step()
    state = fleet.state(rollout)
    assert (state.status, state.pause_reason) == (Status.PAUSED, PauseReason.INCONCLUSIVE)
    assert state.step.label == '50%'
    fleet.command(rollout, Verb.RESUME)
    assert fleet.finish(rollout).status is Status.SUCCEEDED, 'with tasks it goes on'


def test_a_stage_passes_with_tasks_on_the_new_robots(fleet, plan):
    assert fleet.finish(fleet.start(plan())).status is Status.SUCCEEDED
    assert 'inconclusive' not in fleet.kinds()


def test_a_reboot_of_the_new_robots_loses_no_more_than_their_tasks_before_it(fleet, plan):
    rollout = fleet.start(plan(stages=((20, 60), (50, 60), (100, 60))))
    fleet.run_until(lambda: fleet.state(rollout).step.label == '50%', tasks=2)
    fleet.run(3)
    for robot in fleet.robots.values():
        robot.reboot()
    assert fleet.finish(rollout).status is Status.SUCCEEDED
