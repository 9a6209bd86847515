# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
#
# On a machine without ROS, or beside one: everything happens in .venv, build and install in this
# folder, for DISTRO=jazzy in .venv-jazzy and build/jazzy. On a robot or in a ROS workspace, build with
# `colcon build` as usual.

PYTHON ?= python3
DISTRO ?= kilted
TESTS ?= $(wildcard test/unit test/hostile test/sim test/package test/ros test/launch)
ARGS ?=
for_distro = --distro $(DISTRO)
in_env = scripts/run_in_env.sh $(for_distro)

# Tests with real nodes run beside each other by three files, each in ROS domains of its own: they wait
# more than they work. The others share all cores. With ARGS that choose, one half may have nothing to
# run: pytest says 5 then.
pure = $(filter test/unit% test/hostile% test/sim% test/package%,$(TESTS))
with_nodes = $(filter-out $(pure),$(TESTS))
or_none_chosen = $(if $(ARGS), || [ $$? = 5 ])

.NOTPARALLEL:
.PHONY: help setup tools servers generator build gazebo test bench soak chaos lint demo docs reference clean

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*  ## /\1\t/p' Makefile | expand -t 10

setup:  ## Set up ROS 2 and the libraries in .venv (a minute, once; also: DISTRO=jazzy)
	@$(PYTHON) scripts/bootstrap.py $(for_distro)

tools:
	@$(PYTHON) scripts/bootstrap.py $(for_distro) --tools

servers:
	@$(PYTHON) scripts/bootstrap.py $(for_distro) --bench $(filter --step,$(ARGS))

generator:
	@$(PYTHON) scripts/bootstrap.py $(for_distro) --docs

build: setup  ## Build the package into install/ (a minute, and after changes of interfaces)
	@$(PYTHON) scripts/build_package.py $(for_distro)

demo: build  ## Roll a better policy, then a worse one, out over a simulated fleet
	@exec $(in_env) hotswap demo $(ARGS)

# Gazebo is part of an installed ROS 2, not of .venv: this uses the ROS 2 that the shell has sourced.
gazebo:  ## Launch the arm in Gazebo, where ROS 2 with Gazebo is installed (docs/how-to/use_gazebo.md)
	@if (for name in ros_gz_sim ros_gz_bridge hotswap_ros; do ros2 pkg prefix $$name || exit; done) \
	  >/dev/null 2>&1; \
	then exec ros2 launch hotswap_ros gazebo.launch.py $(ARGS); \
	else echo 'Gazebo is not here: install ros-$$ROS_DISTRO-ros-gz, build this package with colcon, and source both (docs/how-to/use_gazebo.md).'; \
	fi

test: lint build  ## Lint, then run all tests (some: make test TESTS=test/unit ARGS='-k gate')
	@$(if $(pure),$(in_env) pytest --numprocesses auto $(pure) $(ARGS)$(or_none_chosen))
	@$(if $(with_nodes),$(in_env) pytest --numprocesses 3 --dist loadfile $(with_nodes) \
	  $(ARGS)$(or_none_chosen))

bench: servers build  ## Measure what serving costs, how gates decide, rollbacks (some: make bench ARGS=--quick)
	@$(in_env) python bench/serving.py $(filter-out --step,$(ARGS))
	@$(in_env) python bench/servers.py $(filter-out --step,$(ARGS))
	@$(in_env) python bench/gates.py $(ARGS)
	@$(in_env) python bench/fleet.py $(filter-out --step,$(ARGS))
	@$(in_env) python bench/command_line.py $(filter-out --step,$(ARGS))

soak: tools build  ## Check every answer while versions swap (make soak ARGS='--minutes 1')
	@$(in_env) python bench/soak.py $(ARGS)

chaos: tools build  ## Kill the coordinator 200 times, and flood it (make chaos ARGS='--kills 20 --seed 2')
	@$(in_env) pytest --timeout 0 --capture no --kills 200 --steps 100000 \
	  --flood-seconds 20 --fuzz 100000 test/hostile/test_fuzzed_readers.py \
	  test/ros/test_floods.py test/ros/test_chaos.py test/unit/coordinator/test_state_machine.py $(ARGS)

reference: build  ## Write the generated parts of docs/reference from the code
	@$(in_env) python scripts/generate_reference.py

docs: generator reference  ## Build the documentation site in build/site; links are checked
	@NO_MKDOCS_2_WARNING=1 build/docs/bin/mkdocs build
	@echo 'Open build/site/index.html, or with search: python3 -m http.server --directory build/site'

lint: tools  ## Check style, words, types and who may import whom
	@echo '[1/5] ruff check' && $(in_env) --unbuilt ruff check --quiet
	@echo '[2/5] ruff format' && $(in_env) --unbuilt ruff format --check --quiet
	@echo '[3/5] words' && $(in_env) --unbuilt python scripts/check_words.py
	@echo '[4/5] mypy' && $(in_env) --unbuilt mypy --no-error-summary
	@echo '[5/5] lint-imports' && found=$$($(in_env) --unbuilt lint-imports --no-logo 2>&1) \
	  || { echo "$$found"; exit 1; }

clean:  ## Remove what was built and logged; the environments (.venv*) stay
	rm -rf build install log .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
