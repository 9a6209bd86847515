#!/bin/sh
# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
#
# Run a command in the environment that `make build` made, and in no other:
#
#   scripts/run_in_env.sh hotswap demo
#   scripts/run_in_env.sh --distro jazzy hotswap demo
#
# A ROS 2 that the calling shell has sourced is left out. ROS_DOMAIN_ID, ROS_LOG_DIR and the like are
# the user's own and stay. With --unbuilt, the environment that the package is built in.

root=$(cd "$(dirname "$0")/.." && pwd) || exit
distro=kilted
built=yes
while true; do
  case "${1:-}" in
    --distro) distro=${2:-}; shift 2 ;;
    --unbuilt) built=no; shift ;;
    *) break ;;
  esac
done
# As in scripts/_distributions.py.
if [ "$distro" = kilted ]; then
  venv=$root/.venv install=$root/install make='make build'
else
  venv=$root/.venv-$distro install=$root/build/$distro/install make="make build DISTRO=$distro"
fi
if [ ! -x "$venv/bin/python" ] || { [ $built = yes ] && [ ! -e "$install/hotswap_ros.stamp" ]; }; then
  echo "hotswap_ros is not built yet: run '$make' in $root first." >&2
  exit 2
fi

# What a sourced ROS 2 leaves in the environment. Its libraries and modules do not mix with ours.
if [ -n "${AMENT_PREFIX_PATH:-}" ]; then
  unset LD_LIBRARY_PATH
fi
unset AMENT_CURRENT_PREFIX AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_CURRENT_PREFIX COLCON_PREFIX_PATH
unset PKG_CONFIG_PATH PYTHONHOME PYTHONPATH RMW_IMPLEMENTATION ROS_DISCOVERY_SERVER ROS_DISTRO
unset ROS_PYTHON_VERSION ROS_VERSION _ROS_WHEELS_BOOTSTRAP_COMPLETE

export VIRTUAL_ENV="$venv"
export AMENT_PREFIX_PATH="$VIRTUAL_ENV"
export CMAKE_PREFIX_PATH="$VIRTUAL_ENV"
export PATH="$VIRTUAL_ENV/bin:$PATH"
# Robots that happen to be on this network are none of a test's or a demo's business.
export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"

if [ $built = yes ]; then
  COLCON_CURRENT_PREFIX="$install"
  . "$install/local_setup.sh"
  export PATH="$install/hotswap_ros/lib/hotswap_ros:$PATH"
fi
exec "$@"
