# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The files of the package agree with each other and with the build."""

import ast
import configparser
import importlib
import importlib.metadata
import itertools
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest

import hotswap_ros

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'hotswap_ros'
INTERFACES = sorted(
    path for kind in ('msg', 'srv', 'action') for path in ROOT.glob(f'{kind}/*.{kind}')
)
WITH_RESULT = [path for path in INTERFACES if path.suffix != '.msg']
EXECUTABLES = {
    'fleet_coordinator': 'hotswap_ros.nodes.coordinator',
    'hotswap': 'hotswap_ros.cli',
    'model_server': 'hotswap_ros.nodes.model_server',
    'policy_runner': 'hotswap_ros.nodes.policy_runner',
    'sim_fleet': 'hotswap_ros.sim.nodes.sim_fleet',
    'sim_robot': 'hotswap_ros.sim.nodes.sim_robot',
}
HEADER = ['# Copyright 2026 The hotswap_ros authors', '# SPDX-License-Identifier: Apache-2.0']
# Import names of what package.xml and requirements/runtime.txt name otherwise.
IMPORTED_AS = {
    'Jinja2': 'jinja2',
    'mcap-ros2-support': 'mcap_ros2',
    'Pillow': 'PIL',
    'mujoco-core': 'mujoco',
    'pil': 'PIL',
    'PyYAML': 'yaml',
    'pyyaml': 'yaml',
}
# What the system has where rosdep installs.
WITHOUT_KEY = {'tzdata'}

installed = pytest.mark.skipif(
    'AMENT_PREFIX_PATH' not in os.environ, reason='needs the built ROS package'
)


def cmake_text():
    return (ROOT / 'CMakeLists.txt').read_text()


def setup_cfg():
    parser = configparser.ConfigParser()
    parser.read(ROOT / 'setup.cfg')
    return parser


def package_xml():
    return ElementTree.parse(ROOT / 'package.xml').getroot()


def python_files(*folders):
    found = [path for folder in folders for path in (ROOT / folder).rglob('*.py')]
    assert found
    return sorted(path for path in found if '__pycache__' not in path.parts)


def fields_and_constants(path):
    """Return (type, name, value or None, comment) of each field and constant."""
    found = []
    for line in path.read_text().splitlines():
        code, _, comment = line.partition('#')
        match = re.fullmatch(r'([\w/]+(?:\[\d*\])?)\s+(\w+)\s*(?:=\s*(\S+))?', code.strip())
        if match:
            found.append((*match.groups(), comment.strip()))
    assert found or not path.read_text().replace('---', '').strip().strip('#')
    return found


# --- One version, one list of requirements, one list of executables -----------------------------


def test_version_is_the_same_everywhere():
    assert package_xml().findtext('version') == hotswap_ros.__version__
    assert setup_cfg()['metadata']['version'] == hotswap_ros.__version__


def test_the_maintainer_can_be_written_to():
    # bloom and the build farm write to this address.
    address = package_xml().find('maintainer').get('email')
    assert re.fullmatch(r'[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}', address)
    assert not address.endswith('.invalid')
    assert setup_cfg()['metadata']['maintainer_email'] == address


def test_the_pydantic_that_ubuntu_lacks_is_named_the_same_everywhere():
    lines = (ROOT / 'requirements' / 'runtime.txt').read_text().splitlines()
    (requirement,) = [line for line in lines if line.startswith('pydantic')]
    for name in ('README.md', 'CONTRIBUTING.md', 'Containerfile'):
        assert f"'{requirement}'" in (ROOT / name).read_text(), name
    (depend,) = [e for e in package_xml() if e.text == 'python3-pydantic']
    assert f'>={depend.get("version_gte")},' in requirement


def test_the_changelog_is_one_that_bloom_reads():
    # catkin_prepare_release turns "Forthcoming" into the section of the next version.
    lines = (ROOT / 'CHANGELOG.rst').read_text().splitlines()
    title = f'Changelog for package {package_xml().findtext("name")}'
    assert lines[:3] == ['^' * len(title), title, '^' * len(title)]
    pairs = itertools.pairwise(lines)
    sections = [above for above, line in pairs if re.fullmatch('-{3,}', line)]
    released = [section for section in sections if section != 'Forthcoming']
    assert sections[0] == 'Forthcoming' or sections[0].startswith(hotswap_ros.__version__)
    for section in released:
        assert re.fullmatch(r'\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)', section)


def test_rosdep_and_pip_name_the_same_requirements():
    depends = [element.text for element in package_xml().findall('exec_depend')]
    rosdep = {
        IMPORTED_AS.get(name, name)
        for name in (
            re.sub('^python3-|-pip$', '', key)
            for key in depends
            if key.startswith('python3-') or key in IMPORTED_AS
        )
    }
    lines = (ROOT / 'requirements' / 'runtime.txt').read_text().splitlines()
    names = (re.split(r'[<>=~;]', line)[0] for line in lines if line and line[0] != '#')
    assert {IMPORTED_AS.get(name, name) for name in names} - WITHOUT_KEY == rosdep


def test_every_imported_library_is_declared():
    declared = {element.text for element in package_xml() if element.tag.endswith('depend')}
    declared |= {re.sub('^python3-|-pip$', '', key) for key in declared}
    declared |= {IMPORTED_AS[key] for key in declared if key in IMPORTED_AS}
    undeclared = set()
    for path in python_files('hotswap_ros'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or '']
            else:
                continue
            tops = {name.split('.')[0] for name in names}
            undeclared |= tops - sys.stdlib_module_names - {'hotswap_ros'} - declared
    # Imports, which no robot does, need onnx and safetensors: rosdep has no keys for them. mcap,
    # lz4 and zstandard come with mcap-ros2-support.
    assert undeclared <= {'onnx', 'lz4', 'mcap', 'safetensors', 'zstandard'}


@pytest.mark.parametrize('name', EXECUTABLES)
def test_executable_calls_a_main_function_that_is_there(name):
    script = ROOT / 'scripts' / name
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith('#!/usr/bin/env python3\n')
    assert f'from {EXECUTABLES[name]} import main\n' in script.read_text()
    assert f'scripts/{name}\n' in cmake_text()
    module = ROOT / EXECUTABLES[name].replace('.', '/')
    source = module / '__init__.py' if module.is_dir() else module.with_suffix('.py')
    names = set()
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    assert 'main' in names


# --- The built package ---------------------------------------------------------------------------


@installed
def test_built_package_is_this_one_and_has_the_interfaces():
    assert hotswap_ros.__version__  # a generated, empty __init__.py has none
    for path in INTERFACES:
        module = importlib.import_module(f'hotswap_ros.{path.suffix[1:]}')
        assert hasattr(module, path.stem)


@installed
def test_built_package_has_our_entry_points():
    # CMakeLists.txt puts setup.cfg where the interface generator finds it. This relies on
    # internals of ament, so a new ROS 2 may break it.
    distribution = importlib.metadata.distribution('hotswap_ros')
    assert distribution.version == hotswap_ros.__version__
    found = {(point.group, point.name, point.value) for point in distribution.entry_points}
    assert found == {('console_scripts', 'hotswap', 'hotswap_ros.cli:main')}


@installed
def test_built_package_has_executables_and_data():
    from ament_index_python.packages import get_package_prefix

    prefix = Path(get_package_prefix('hotswap_ros'))
    for name in EXECUTABLES:
        assert os.access(prefix / 'lib' / 'hotswap_ros' / name, os.X_OK)
    assert os.access(prefix / 'bin' / 'hotswap', os.X_OK)
    share = prefix / 'share' / 'hotswap_ros'
    for folder in ('config', 'launch', 'models'):
        ours = [path.relative_to(ROOT) for path in (ROOT / folder).rglob('*') if path.is_file()]
        missing = [path for path in ours if not (share / path).exists()]
        assert [path for path in missing if '__pycache__' not in path.parts] == []


# --- Interfaces ----------------------------------------------------------------------------------


def test_every_interface_is_built():
    listed = re.findall(r'^  ((?:msg|srv|action)/\S+)$', cmake_text(), re.MULTILINE)
    assert sorted(listed) == [str(path.relative_to(ROOT)) for path in INTERFACES]


@pytest.mark.parametrize('path', INTERFACES, ids=lambda path: path.name)
def test_interface_explains_itself(path):
    assert path.read_text().startswith('# '), 'begin with the contract in prose'
    previous = ''
    for kind, name, value, comment in fields_and_constants(path):
        has_unit = re.search('_(s|ms|bytes)$', name)
        is_pair = name.endswith('high') and previous == name.replace('high', 'low')
        if value is None and kind.startswith(('float', 'int')):
            assert comment or has_unit or is_pair, f'{name}: unit and range are missing'
        previous = name


@pytest.mark.parametrize('path', WITH_RESULT, ids=lambda path: path.name)
def test_result_has_error_code_and_message(path):
    result = path.read_text().split('\n---\n')[1]
    assert re.search('^uint16 NONE = 0', result, re.MULTILINE)
    assert re.search('^uint16 error_code ', result, re.MULTILINE)
    assert re.search('^string error_msg ', result, re.MULTILINE)


def test_error_codes_are_unique():
    codes = Counter(
        int(value)
        for path in WITH_RESULT
        for kind, _, value, _ in fields_and_constants(path)
        if kind == 'uint16' and value not in (None, '0')
    )
    assert codes
    assert [code for code, times in codes.items() if times > 1] == []


@pytest.mark.parametrize('path', INTERFACES, ids=lambda path: path.name)
def test_enumerations_have_distinct_values_and_begin_at_zero(path):
    constants = [item for item in fields_and_constants(path) if item[2] is not None]
    prefixes = {name.split('_')[0] for kind, name, _, _ in constants if kind == 'uint8'}
    shared = all(name.split('_')[0] in prefixes for _, name, _, _ in constants)
    for prefix in prefixes if shared and len(prefixes) < len(constants) else {''}:
        values = [
            int(value)
            for kind, name, value, _ in constants
            if kind == 'uint8' and name.startswith(prefix)
        ]
        assert values == list(range(len(values)))


# --- The source tree -----------------------------------------------------------------------------


def test_sources_do_not_hide_the_generated_interfaces():
    for folder in ('msg', 'srv', 'action'):
        assert not (PACKAGE / folder).exists()
        assert not (PACKAGE / f'{folder}.py').exists()
    assert not (ROOT / 'conftest.py').exists()
    assert list((ROOT / 'test').rglob('__init__.py')) == []


def test_test_files_have_names_of_their_own():
    names = Counter(path.name for path in (ROOT / 'test').rglob('test_*.py'))
    assert [name for name, times in names.items() if times > 1] == []


def test_files_have_the_licence_header_and_parse_on_the_oldest_python():
    files = python_files('hotswap_ros', 'launch', 'scripts', 'test')
    for path in [*files, ROOT / 'setup.py', *(ROOT / 'scripts' / name for name in EXECUTABLES)]:
        lines = [line for line in path.read_text().splitlines() if not line.startswith('#!')]
        assert lines[:2] == HEADER, path
        # What sets up the environment tells people with too old a Python so.
        oldest = (3, 8) if path.parent.name == 'scripts' else (3, 10)
        ast.parse(path.read_text(), str(path), feature_version=oldest)


def test_typed_marker_and_licence_are_there():
    assert (PACKAGE / 'py.typed').exists()
    assert 'Apache License' in (ROOT / 'LICENSE').read_text()
    assert package_xml().findtext('license') == 'Apache-2.0'
