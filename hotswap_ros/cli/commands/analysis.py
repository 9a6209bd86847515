# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Verbs that only read and write files: they need no ROS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hotswap_ros.cli.terminal import Json, console, need
from hotswap_ros.plan import Risk

Control = Annotated[str, typer.Option(help='Stable version of the trial.')]
Model = Annotated[str, typer.Option(help='Model, if the recording has several.')]
Tolerance = Annotated[
    float, typer.Option(help='Largest allowed drop in success rate.', min=0, max=0.5)
]
Html = Annotated[Path | None, typer.Option(help='Write an HTML page to this file.')]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar='ROLE=HEADER',
        help="Column of the table for a role, such as version=arm; '#3' for the third column, "
        'empty for none. Repeat for each role.',
    ),
]
SuccessAt = Annotated[
    float | None,
    typer.Option(help='Partial credit from which on a task counts as succeeded.'),
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    for verb in (analyze, shadow, diagnose, simulate, advise):
        app.command()(verb)


def analyze(
    trial: Annotated[
        Path,
        typer.Argument(help='Table with one task per line, or rosbag2 recording.', exists=True),
    ],
    control: Control = '',
    candidate: Annotated[str, typer.Option(help='Candidate of the trial.')] = '',
    model: Model = '',
    tolerance: Tolerance = 0.02,
    matters: Annotated[
        float, typer.Option(help='Smallest relevant gain in success rate.', min=0.0001, max=0.5)
    ] = 0.02,
    alpha: Annotated[
        float, typer.Option(help='Significance level of every test.', min=0.0001, max=0.4)
    ] = 0.05,
    one_sided: Annotated[
        bool, typer.Option('--one-sided', help='Test only whether the candidate is better.')
    ] = False,
    share: Annotated[
        float | None,
        typer.Option(help="The candidate's planned share of tasks.", min=0.01, max=0.99),
    ] = None,
    planned: Annotated[
        int,
        typer.Option(help='Planned tasks per version, for a trial that is still running.', min=0),
    ] = 0,
    looks: Annotated[
        int, typer.Option(help='Planned number of interim analyses.', min=1, max=20)
    ] = 5,
    duration_limit: Annotated[
        float | None,
        typer.Option(
            help='Seconds that a failed task, or a longer one, counts as where durations are '
            'compared. Default: the longest duration.',
            min=0.001,
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help='Write an HTML page with plots to this file.')
    ] = None,
    column: Columns = None,
    success_at: SuccessAt = None,
    json: Json = None,
) -> None:
    """Compare two versions in a trial, and recommend one of them."""
    need('matplotlib', 'jinja2', 'mcap_ros2')
    from hotswap_ros.cli.files.reading import Reading
    from hotswap_ros.cli.verbs.analyze import run_analyze
    from hotswap_ros.gates.analysis import Question

    reading = Reading(model, tuple(column or ()), success_at)
    question = Question(
        tolerance, matters, alpha, one_sided, share, planned, looks, duration_limit
    )
    raise typer.Exit(
        run_analyze(console(json), trial, control, candidate, reading, question, html, json)
    )


def shadow(
    comparisons: Annotated[
        Path,
        typer.Argument(
            help='Table with one task or step per line, or rosbag2 recording.', exists=True
        ),
    ],
    model: Model = '',
    tolerance: Tolerance = 0.02,
    html: Html = None,
    column: Columns = None,
    json: Json = None,
) -> None:
    """Analyze the decisions of a shadow, and recommend the next step."""
    need('jinja2', 'mcap_ros2')
    from hotswap_ros.cli.files.reading import Reading
    from hotswap_ros.cli.verbs.shadow import run_shadow

    reading = Reading(model, tuple(column or ()))
    out = console(json)
    raise typer.Exit(run_shadow(out, comparisons, reading, tolerance, html, json))


def diagnose(
    trial: Annotated[
        Path,
        typer.Argument(help='Folder with tasks.csv, table, or rosbag2 recording.', exists=True),
    ],
    control: Control = '',
    candidate: Annotated[str, typer.Option(help='Candidate that failed.')] = '',
    model: Model = '',
    known: Annotated[
        str, typer.Option(help='Task categories in its training data, separated by commas.')
    ] = '',
    training: Annotated[
        Path | None,
        typer.Option(help='Manifest of the candidate, or training inputs as CSV.', exists=True),
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option(help='Inputs on the robots, CSV.', exists=True)
    ] = None,
    reviewed: Annotated[
        Path | None, typer.Option(help='Failures that a person reviewed, CSV.', exists=True)
    ] = None,
    shadow: Annotated[
        Path | None, typer.Option(help='Shadow comparisons, table or recording.', exists=True)
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help='Journal file of the coordinator.', exists=True)
    ] = None,
    rollout: Annotated[
        str, typer.Option(help='Rollout in the journal (default: the last one).')
    ] = '',
    html: Html = None,
    column: Columns = None,
    success_at: SuccessAt = None,
    json: Json = None,
) -> None:
    """List likely causes of a failed rollout, with their evidence."""
    need('matplotlib', 'jinja2', 'mcap_ros2')
    from hotswap_ros.cli.files.case_files import Sources
    from hotswap_ros.cli.files.reading import Reading
    from hotswap_ros.cli.verbs.diagnose import run_diagnose

    sources = Sources(trial, inputs, training, reviewed, shadow, journal)
    reading = Reading(model, tuple(column or ()), success_at)
    raise typer.Exit(
        run_diagnose(
            console(json), sources, control, candidate, known, reading, rollout, html, json
        )
    )


def simulate(
    plan: Annotated[Path, typer.Argument(help='Plan file, YAML or JSON.', exists=True)],
    stable: Annotated[
        float, typer.Option('--v23', '--stable', help='Success rate of stable.', min=0, max=1)
    ] = 0.92,
    candidate: Annotated[
        float,
        typer.Option('--v24', '--candidate', help='Success rate of the candidate.', min=0, max=1),
    ] = 0.88,
    robots: Annotated[int, typer.Option(help='Robots in the fleet.', min=1, max=10_000)] = 100,
    icc: Annotated[
        float, typer.Option(help='Intra-class correlation of robots.', min=0, max=0.99)
    ] = 0.02,
    task_s: Annotated[float, typer.Option(help='Duration of a task, seconds.', min=0.1)] = 10.0,
    repetitions: Annotated[int, typer.Option(help='Number of simulated rollouts.', min=2)] = 400,
    seed: Annotated[
        int, typer.Option(help='Random seed; the same seed gives the same figures.')
    ] = 1,
    jobs: Annotated[int, typer.Option(help='Number of processes (0: one per core).', min=0)] = 0,
    sweep: Annotated[
        str, typer.Option(help="Success rates of the candidate: '0.80:0.96:0.02' or '0.7,0.8'.")
    ] = '',
    plot: Annotated[
        Path | None, typer.Option(help='Write a plot to this file (.png, .svg, .pdf).')
    ] = None,
    json: Json = None,
) -> None:
    """Simulate a plan many times: rate, time and cost of rollbacks."""
    need('matplotlib', 'mujoco')
    from hotswap_ros.cli.verbs.simulate import run_simulate
    from hotswap_ros.sim import World

    world = World(stable, candidate, robots, icc, task_s)
    raise typer.Exit(
        run_simulate(console(json), plan, world, sweep, repetitions, seed, jobs, plot, json)
    )


def advise(
    robots: Annotated[int, typer.Option(help='Robots in the fleet.', min=1)],
    testing: Annotated[
        bool, typer.Option('--testing', help='For a test fleet, not for production.')
    ] = False,
    risk: Annotated[
        Risk | None, typer.Option(help='Kind of change: bug fix, optimisation or new algorithm.')
    ] = None,
    compare: Annotated[
        bool, typer.Option('--compare', help='Find out which of two versions is better.')
    ] = False,
    region: Annotated[
        list[str] | None, typer.Option(help='Region of the fleet; repeat for each region.')
    ] = None,
    model: Annotated[str, typer.Option(help='Model (named policy).')] = 'pick_policy',
    version: Annotated[str, typer.Option(help='Version to roll out.')] = 'v24',
    previous: Annotated[str, typer.Option(help='Version to compare it with.')] = 'v23',
    room: Annotated[
        bool,
        typer.Option(
            '--room/--no-room', help='All robots have the disk and memory for both versions.'
        ),
    ] = True,
    tasks_per_day: Annotated[
        float | None, typer.Option(help='Tasks that one robot does in a day.', min=0.01)
    ] = None,
    output: Annotated[Path | None, typer.Option(help='Write the plan to this file.')] = None,
) -> None:
    """Recommend a strategy, and write a plan that can be run."""
    from hotswap_ros.plan import advise as ask_for_advice

    found = ask_for_advice(
        robots=robots,
        is_production=not testing,
        risk=risk,
        compares=compare,
        model_id=model,
        version=version,
        previous=previous,
        regions=region or (),
        has_room=room,
        tasks_per_day=tasks_per_day,
    )
    from hotswap_ros.cli.verbs.advise import outlook_comment

    out = console()
    out.print(f'[bold]{found.strategy.value}[/bold]. {found.reason}')
    plan = found.plan + outlook_comment(found.plan, robots, tasks_per_day)
    if output is None:
        out.print(plan, end='', markup=False, highlight=False, soft_wrap=True)
    else:
        try:
            output.write_text(plan, encoding='utf-8')
        except OSError as error:
            raise SystemExit(f'hotswap: the plan cannot be written: {error}') from error
        out.print(f'Written to {output}: hotswap rollout start {output}', markup=False)
