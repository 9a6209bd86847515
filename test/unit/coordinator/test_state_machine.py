# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Anything may happen in any order: what people say, what robots suffer, when the coordinator dies.

Hypothesis invents the order and shrinks what breaks an invariant to the shortest story.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hotswap_ros.coordinator import Rollback
from hotswap_ros.fleet import Route
from hotswap_ros.plan import PlanError, Strategy, load_plan
from hotswap_ros.rollout import Cause, PauseReason, RolloutError, Runner, Status, Verb
from hotswap_ros.rollout.interruptions import ENDS_BY_ITSELF

MODEL = 'pick_policy'
FIRST = 'v23'
ROBOTS = ['r00', 'r01', 'r02', 'r03']
#: A load that was refused is asked for again after a minute.
RETRY_S = 70
ENDS = {status.value for status in Status if status.is_terminal}

VERSIONS = ['v23', 'v24', 'v25']
NEW = 'r90'

#: Runs of the machine between two lines of the long form.
PIECE = 20

STAGES = 'stages: [{percentage: 50, tasks: 30}, {percentage: 100, duration: 0}]'
#: What follows `modelId` and `version`, for every strategy and kind of step.
PLANS = {
    'canary': (
        'strategy: Canary\nstages: [{percentage: 50, tasks: 40}, {percentage: 100, tasks: 60}]'
    ),
    'against a number': (
        'strategy: Canary\nsuccessCriteria: {baselineSuccessRate: 0.9}\n'
        'stages: [{percentage: 50, tasks: 40}, {percentage: 100, tasks: 40}]'
    ),
    'blocked': 'strategy: Direct\nchecklist: production',
    'direct': 'strategy: Direct',
    'some': 'strategy: Direct\ntargetDevices: [r01, r02]',
    'approved': f'strategy: ProgressiveRollout\nautoProgress: false\n{STAGES}',
    'late': (
        'strategy: ProgressiveRollout\nautoProgress: false\n'
        f'approval: {{timeout: 5, onTimeout: rollback}}\n{STAGES}'
    ),
    'regional': 'strategy: RegionalRollout\nregions: [south, north]\ndelayBetweenRegions: 20',
    'shadow': 'strategy: Shadow\ntasks: 40',
    'promoted shadow': 'strategy: Shadow\ntasks: 200\npromote: true',
    'flag': (
        'strategy: FeatureFlag\n'
        'schedule: [{after: 0, share: 0}, {after: 5, share: 0.5}, {after: 30, share: 1}]'
    ),
    'loop': 'strategy: FeatureFlag\ncontrolLoop: {interval: 10, step: 0.5}',
    'blue green': (
        'strategy: BlueGreen\nvalidationTasks: 30\nwatchDuration: 10\nretention: 10\n'
        'backupRobots: [r00]'
    ),
    'phases': (
        'phases:\n  - {strategy: Shadow, tasks: 30}\n'
        '  - {strategy: Canary, canaryPercentage: 25, canaryDuration: 20}\n'
        f'  - {{strategy: ProgressiveRollout, {STAGES}}}'
    ),
    'shadow first': (
        'phases:\n  - {strategy: Shadow, tasks: 30}\n'
        '  - {strategy: FeatureFlag, schedule: [{after: 0, share: 0.5}, {after: 10, share: 1}]}'
    ),
}


def ab_test(version):
    """Return a trial of v23, and of what is served now, against a version."""
    return (
        f'strategy: ABTesting\nmodelA: {{modelId: {MODEL}, version: v23}}\n'
        f'modelB: {{modelId: {MODEL}, version: {version}}}\ntasks: 30'
    )


robots = st.sampled_from(ROBOTS)
versions = st.sampled_from(['v24', 'v24', 'v25'])
plans = st.sampled_from(['canary', 'canary', *PLANS, 'trial'])
#: Half of the robots each; two rollouts of halves are side by side.
LABELS = ('left', 'right')
labels = st.sampled_from(['', '', *LABELS])


@dataclass(frozen=True)
class Order:
    """A rollback under way: what each robot had, and what it is to be given back."""

    rollback: Rollback
    before: dict[str, str]
    targets: dict[str, str]

    def leads_to(self, refused):
        """Return what robots serve in the end, those that no newer one took over."""
        return {
            robot_id: (self.before if robot_id in refused else self.targets)[robot_id]
            for robot_id in self.rollback.robots
        }


class FleetMachine(RuleBasedStateMachine):
    """
    A fleet of four, and what must be true of it.

    `expected` is what each robot serves in the end: what the last word about it says, be it the
    end of a rollout or a rollback that somebody ordered. `orders` are the rollbacks under way.
    """

    make_fleet = None
    steps = 0

    @initialize(version=versions, plan=plans, max_unreachable=st.integers(0, 1), label=labels)
    def begin(self, version, plan, max_unreachable, label):
        regions = ('north', 'south')
        self.fleet = self.make_fleet(
            robots=len(ROBOTS), regions=regions, start=1e9, success={'v25': 0.3}
        )
        for number, robot in enumerate(self.fleet.robots.values()):
            robot.labels = (LABELS[number // 2],)
        self.expected = dict.fromkeys(ROBOTS, FIRST)
        self.allowed = {robot_id: {FIRST} for robot_id in ROBOTS}
        self.states = {}
        self.began_with = {}
        self.set_by_hand = set()
        self.held = set()
        self.ended = {}
        self.orders = {}
        self.refused = {}
        self.ordered = []
        self.told_before = 0
        self.step()
        self.somebody_starts_a_rollout(plan, version, max_unreachable, 60, label)

    # -- what happens -----------------------------------------------------------------------------

    @rule(seconds=st.integers(1, 12), tasks=st.integers(0, 3))
    def time_passes(self, seconds, tasks):
        for _ in range(seconds):
            self.step(tasks)

    @precondition(lambda self: self.active())
    @rule(steps=st.integers(1, 4))
    def a_rollout_goes_on(self, steps):
        """Stop right between two steps."""
        for _ in range(40):
            before = {i: self.states[i].step_index for i in self.active()}
            self.step(tasks=4)
            steps -= before != {i: self.states[i].step_index for i in self.active()}
            if not steps:
                return

    @rule(
        plan=plans,
        version=versions,
        max_unreachable=st.integers(0, 1),
        confirm_timeout=st.sampled_from([3, 60]),
        label=labels,
    )
    def somebody_starts_a_rollout(self, plan, version, max_unreachable, confirm_timeout, label):
        head = f'modelId: {MODEL}\nversion: {version}\n'
        tail = f'\nmaxUnreachable: {max_unreachable}\nconfirmTimeout: {confirm_timeout}'
        tail += f'\nlabels: [{label}]' if label else ''
        text = ab_test(version) if plan == 'trial' else head + PLANS[plan]
        try:
            rollout_id = self.fleet.coordinator.start(load_plan(text + tail), self.fleet.now)
        except (RolloutError, PlanError):
            return
        self.states[rollout_id] = self.fleet.state(rollout_id)
        self.began_with[rollout_id] = set(self.states[rollout_id].previous)
        # It is a rollout once it is in the journal.
        self.step()

    @precondition(lambda self: self.active())
    @rule(
        word=st.sampled_from([*Verb, 'roll back']),
        version=st.sampled_from(['', 'v23', 'v24']),
        share=st.sampled_from([0.0, 0.3, 1.0]),
        which=st.integers(0, 1),
    )
    def somebody_says(self, word, version, share, which):
        if word == 'roll back':
            self.somebody_orders_a_rollback(version, [])
        else:
            self.say(self.active()[-which], word, share)

    def say(self, rollout_id, word, share=None):
        try:
            self.fleet.command(rollout_id, word, share=share)
            if word is Verb.SET_SHARE:
                self.set_by_hand.add(rollout_id)
            if word in (Verb.PAUSE, Verb.RESUME):
                (self.held.add if word is Verb.PAUSE else self.held.discard)(rollout_id)
                # It is paused or resumed once that is in the journal.
                self.step()
        except RolloutError:
            return
        self.look()

    @precondition(lambda self: self.paused_by_themselves())
    @rule()
    def somebody_holds_what_paused_by_itself(self):
        self.say(self.paused_by_themselves()[0], Verb.PAUSE)

    def paused_by_themselves(self):
        return [i for i in self.active() if self.states[i].pause_reason in ENDS_BY_ITSELF]

    @rule(version=st.sampled_from(['', 'v23', 'v24']), named=st.lists(robots, max_size=2))
    def somebody_orders_a_rollback(self, version, named):
        try:
            rollback = self.fleet.coordinator.roll_back(
                MODEL, version, tuple(dict.fromkeys(named)), self.fleet.now
            )
        except RolloutError:
            return
        self.look()
        targets = {want.robot_id: want.routing.stable for want in rollback.desired()}
        before = {robot_id: self.had_before(rollback, robot_id) for robot_id in targets}
        for robot_id, stable in targets.items():
            self.allowed[robot_id].add(stable)
        self.orders[rollback.state.rollback_id] = Order(rollback, before, targets)
        # It is an order once it is in the journal.
        self.step()
        self.ordered.append(rollback.state.rollback_id)

    def had_before(self, rollback, robot_id):
        """Return the version that a robot keeps if it cannot load the target of a rollback."""
        for older in self.orders.values():
            if rollback.state.rollback_id == older.rollback.state.taken_over.get(robot_id):
                had = rollback.state.before[robot_id].routing.stable
                assert had in (older.before[robot_id], older.targets[robot_id])
                return had
        return self.expected[robot_id]

    @rule(
        robot=robots,
        fate=st.sampled_from(['offline', 'deaf', 'mute', 'reboot', 'power cut', *VERSIONS]),
    )
    def a_robot_is_in_trouble(self, robot, fate):
        robot = self.fleet.robots[robot]
        if fate == 'offline':
            robot.online = False
        elif fate == 'deaf':
            robot.deaf = True
        elif fate == 'mute':
            robot.mute = robot.may_refuse = True
        elif fate in ('reboot', 'power cut'):
            robot.reboot(FIRST if fate == 'reboot' else '')
        else:
            robot.unloadable[fate] = Cause.DIGEST_MISMATCH

    @precondition(lambda self: NEW not in self.fleet.robots)
    @rule(region=st.sampled_from(['north', 'south']), has=st.sampled_from([(), LABELS]))
    def a_new_robot_is_switched_on(self, region, has):
        self.fleet.add_robot(NEW, region, FIRST, has)
        self.expected[NEW] = FIRST
        self.allowed[NEW] = {FIRST}

    @rule(
        loss=st.sampled_from([0.0, 0.3]),
        twice=st.sampled_from([0.0, 0.3]),
        late=st.sampled_from([0.0, 0.3]),
    )
    def the_network_is_in_trouble(self, loss, twice, late):
        self.fleet.network.disturb(loss, twice, late)

    @rule(robot=robots, skew_s=st.sampled_from([0, 2, -2, 3600, -3600]))
    def the_clock_of_a_robot_is_set(self, robot, skew_s):
        self.fleet.robots[robot].set_clock(skew_s)

    @rule(robot=robots)
    def somebody_takes_the_name_of(self, robot):
        self.fleet.duplicate(robot)

    @rule()
    def all_is_well_again(self):
        self.fleet.duplicates.clear()
        self.fleet.network.disturb(0.0, 0.0, 0.0)
        for robot in self.fleet.robots.values():
            robot.online, robot.deaf, robot.mute = True, False, False
            robot.unloadable.clear()

    @rule(away_s=st.sampled_from([0, 0, 3, 30]), jump_s=st.sampled_from([0, 0, -5, -3600, 3600]))
    def the_coordinator_is_killed(self, away_s, jump_s):
        self.replays_say_the_same()
        self.fleet.kill_coordinator()
        self.fleet.set_clock(jump_s)
        self.told_before = len(self.fleet.events)
        orders, self.orders = self.orders, {}
        for name, order in orders.items():
            # What a robot refused since the last tick is not in the journal: it is unconfirmed.
            self.expected |= order.leads_to(self.refused.get(name, ()))
        for _ in range(away_s):
            self.step()
        self.fleet.boot_coordinator()
        for rollback in self.fleet.coordinator.rollbacks:
            name = rollback.state.rollback_id
            self.orders[name] = replace(orders[name], rollback=rollback)

    @rule(
        hears=st.booleans(),
        version=st.sampled_from(VERSIONS),
        named=st.lists(robots, max_size=2, unique=True),
        seconds=st.integers(1, 12),
    )
    def there_is_a_second_coordinator(self, hears, version, named, seconds):
        """One with a journal of its own, by mistake: it orders something and is stopped."""
        self.may_refuse = {i: robot.may_refuse for i, robot in self.fleet.robots.items()}
        for robot in self.fleet.robots.values():
            robot.may_refuse = True
        self.fleet.boot_second(heartbeats_cross=hears)
        self.second_is_later = self.fleet.second.epoch > self.fleet.coordinator.epoch + 2**20
        self.heard_before = {*self.fleet.coordinator.reports(MODEL)}
        self.step()
        # Of what the first one never said a word about it has no word to keep.
        ruled = {want.robot_id for want in self.fleet.journal.desired()}
        named = tuple(sorted(ruled.intersection(named or ROBOTS)))
        with suppress(RolloutError):
            if named:
                self.fleet.second.roll_back(MODEL, version, named, self.fleet.now)
            for robot_id in named:
                self.allowed[robot_id].add(version)
        for _ in range(seconds):
            self.step()
            self.the_later_one_is_not_outbid()
        self.fleet.kill_second()
        self.the_coordinator_is_killed(0, 0)
        for robot_id, may_refuse in self.may_refuse.items():
            self.fleet.robots[robot_id].may_refuse = may_refuse

    def the_later_one_is_not_outbid(self):
        if not self.second_is_later:
            return
        coordinator, second = self.fleet.coordinator, self.fleet.second
        for command in self.fleet.commands:
            if isinstance(command, Route) and command.robot_id in self.heard_before:
                assert command.routing.generation < second.epoch, 'two fight over a robot'
        assert not (coordinator.taken_over and self.fleet.commands)
        reports = coordinator.reports(MODEL)
        sees_it = any(reports[r].routing.generation >= second.epoch for r in self.heard_before)
        if self.fleet.heartbeats_cross or sees_it:
            assert coordinator.taken_over
        elif coordinator.taken_over:  # it saw it, and an older report has come late since
            everybody = self.fleet.all_robots
            assert any(robot.routing.generation >= second.epoch for robot in everybody)

    # -- what must be true ------------------------------------------------------------------------

    def replays_say_the_same(self):
        for state in self.fleet.journal.active():
            runner = Runner(state.model_copy(deep=True), explain=False)
            assert runner.checkpoint(state.saved_at) == state
            wanted = {want.robot_id: want for want in runner.desired()}
            kept = {want.robot_id: want for want in self.fleet.journal.desired()}
            for robot_id, want in wanted.items():
                found, instant = kept[robot_id].routing, want.routing.activate_at
                assert found.activate_at == instant or instant <= state.saved_at
                routing = replace(
                    want.routing, generation=found.generation, activate_at=found.activate_at
                )
                assert kept[robot_id] == replace(want, routing=routing)

    def step(self, tasks=2):
        over = {name for name, order in self.orders.items() if order.rollback.is_done}
        self.refused = {
            name: set(order.rollback.state.refused) for name, order in self.orders.items()
        }
        self.fleet.step(tasks)
        self.orders = {name: order for name, order in self.orders.items() if name not in over}
        self.look()
        told = self.ends_told(self.told_before)
        assert len(told) == len(set(told)), 'an end was told twice in one life'
        for command in self.fleet.commands:
            if isinstance(command, Route) and command.routing.candidate:
                # As it was then: a robot that refuses at once may have ended it since.
                assert command.routing.salt in self.fleet.lease_rollouts, 'it is over'

    def ends_told(self, since=0):
        events = self.fleet.events[since:]
        return [e.rollout_id for e in events if e.rollout_id and e.kind in ENDS]

    def look(self):
        """Take note of what rollouts and rollbacks have come to."""
        if not self.fleet.is_coordinated:
            return
        for rollout_id in self.states:
            snapshot = self.fleet.coordinator.snapshot(self.fleet.now, rollout_id)
            if snapshot is not None:
                self.states[rollout_id] = snapshot.state
        for rollout_id, state in self.states.items():
            if state.status.is_terminal and rollout_id not in self.ended:
                self.ended[rollout_id] = self.outcome(state)
                if state.cause is Cause.CHECKLIST_FAILED:
                    continue  # no robot hears of it
                if state.status is Status.ROLLED_BACK and state.served:
                    assert state.served - state.unconfirmed, 'it is back on nobody'
                done = state.status is Status.SUCCEEDED
                for robot_id, previous in state.previous.items():
                    stays = done and robot_id in state.promoted
                    self.expected[robot_id] = state.plan.version if stays else previous
            for robot_id in state.promoted:
                self.allowed[robot_id].add(state.plan.version)
        for order in self.orders.values():
            self.expected |= order.leads_to(order.rollback.state.refused)

    @staticmethod
    def outcome(state):
        return state.status, state.cause, state.reason, state.ended

    def all_obey(self):
        snapshots = [self.fleet.coordinator.snapshot(self.fleet.now, i) for i in self.active()]
        return all(s.robots_confirmed == len(s.state.robots) for s in snapshots)

    def active(self):
        return [i for i, state in self.states.items() if not state.status.is_terminal]

    @invariant()
    def an_end_is_an_end(self):
        for rollout_id, outcome in self.ended.items():
            assert self.outcome(self.states[rollout_id]) == outcome
        if self.fleet.is_coordinated:
            found = {s.rollout_id: s.status for s in self.fleet.coordinator.history()}
            for rollout_id, (status, *_) in self.ended.items():
                assert found.get(rollout_id, status) is status

    @invariant()
    def what_a_person_holds_stays_held(self):
        for rollout_id in self.active():
            state = self.states[rollout_id]
            assert (state.status is Status.PAUSED) == bool(state.pauses)
            if state.status in (Status.RUNNING, Status.PAUSED):
                assert state.is_paused_for(PauseReason.BY_HAND) == (rollout_id in self.held)

    @invariant()
    def one_step_follows_the_other(self):
        FleetMachine.steps += 1
        for state in self.states.values():
            begun = len(state.step_records)
            assert begun in (state.step_index, state.step_index + 1), 'a step was left out'

    @invariant()
    def a_robot_is_of_one_rollout_at_a_time(self):
        whose = [set(self.states[i].previous) for i in self.active()]
        whose += [o.rollback.robots for o in self.orders.values() if not o.rollback.is_done]
        assert sum(map(len, whose)) == len(set().union(*whose))

    @invariant()
    def only_what_was_asked_for_is_served(self):
        for robot_id, robot in self.fleet.robots.items():
            assert robot.routing.stable in self.allowed[robot_id]
            if not robot.routing.candidate:
                continue
            state = self.states[robot.routing.salt]
            assert robot.routing.candidate == state.plan.version
            begun = state.steps[: len(state.step_records)]
            routed = any(
                robot_id in step.robots and step.kind in ('set_routing', 'ramp') for step in begun
            )
            joined = robot_id not in self.began_with[robot.routing.salt]
            assert routed or joined, 'a candidate beyond the steps that began'
            assert robot_id in state.served

    @invariant()
    def only_rollouts_under_way_are_watched(self):
        if self.fleet.is_coordinated:
            assert not self.fleet.coordinator.taken_over, 'there is nobody else'
            assert set(self.fleet.lease_rollouts or ()) <= {*self.active(), *self.ended}

    # -- the end ----------------------------------------------------------------------------------

    def teardown(self):
        """Heal everything; then each robot must come to serve what the last word says."""
        if not hasattr(self, 'expected'):
            return
        self.all_is_well_again()
        for _ in range(RETRY_S):
            if self.all_obey():
                break
            self.step()
        assert self.all_obey(), 'a robot does not get to what it should serve'
        for second in range(600):
            if not self.active() and not self.orders:
                break
            for rollout_id in self.active():
                self.somebody_helps(self.states[rollout_id], second)
            self.step()
        for _ in range(RETRY_S):
            self.step()
        self.an_end_is_an_end()
        assert not self.active(), [state.reason for state in self.states.values()]
        self.step()
        assert {*self.ended, *self.ordered} <= {*self.ends_told()}, 'an end was not told'
        found = {i: robot.routing.stable for i, robot in self.fleet.robots.items()}
        assert found == self.expected
        assert {robot.routing.candidate for robot in self.fleet.robots.values()} == {''}

    def somebody_helps(self, state, second):
        """Say what a patient person would; what can never be decided is cut short in the end."""
        # Shares that leave one version without tasks leave nothing to compare.
        has_no_arms = state.rollout_id in self.set_by_hand and second > 100
        has_no_history = state.plan.strategy is Strategy.BLUE_GREEN
        # One robot for each version: a difference may be that of the robots, whatever they do.
        has_few_robots = state.plan.strategy is Strategy.AB_TESTING and second > 100
        is_undecided = state.pause_reason is PauseReason.INCONCLUSIVE
        if state.pause_reason is PauseReason.BY_HAND:
            self.say(state.rollout_id, Verb.RESUME)
        elif state.pause_reason is PauseReason.APPROVAL:
            self.say(state.rollout_id, Verb.APPROVE)
        elif has_no_arms or has_few_robots or (has_no_history and is_undecided):
            self.say(state.rollout_id, Verb.SKIP_WAIT)
        elif state.status is Status.PAUSED:
            self.say(state.rollout_id, Verb.RESUME)


def run_machine(examples, steps, *, derandomize):
    run_state_machine_as_test(
        FleetMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=derandomize,
            database=None,
            # Shrinking takes minutes here; the steps of the failure are printed as they are.
            phases=(Phase.generate,),
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(600)  # Only a failure takes long: Hypothesis looks for its shortest story.
def test_whatever_happens_every_robot_ends_where_it_should(make_fleet):
    FleetMachine.make_fleet = staticmethod(make_fleet)
    run_machine(40, 25, derandomize=True)


def test_whatever_happens_for_long(make_fleet, pytestconfig):
    """Run as many steps as `make chaos` asks for, each piece with a seed that it prints."""
    wanted, piece = pytestconfig.getoption('--steps'), pytestconfig.getoption('--seed')
    if not wanted:
        pytest.skip('only with --steps, see make chaos')
    FleetMachine.make_fleet = staticmethod(make_fleet)
    FleetMachine.steps = 0
    while FleetMachine.steps < wanted:
        seed(piece)(FleetMachine)
        try:
            run_machine(PIECE, 50, derandomize=False)
        except BaseException:
            print(f'failed: --steps 1 --seed {piece}', flush=True)
            raise
        print(f'{FleetMachine.steps:,} of {wanted:,} steps, seed {piece}', flush=True)
        piece += 1
