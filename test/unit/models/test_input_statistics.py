# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Statistics of the training data, and the counts of observations in their bins."""

import pytest
from pydantic import ValidationError

from hotswap_ros.models import BINS, FeatureStatistics, InputBins, Manifest

DECILES = tuple(float(edge) for edge in range(1, BINS))


def feature() -> FeatureStatistics:
    return FeatureStatistics(mean=4.5, std=2.9, deciles=DECILES)


def manifest(name: str) -> Manifest:
    return Manifest.model_validate(
        {
            'model': 'policy',
            'version': 'v1',
            'sha256': 'ab' * 32,
            'size_bytes': 10,
            'inputs': [{'name': 'observation', 'shape': [1, 4]}],
            'outputs': [{'name': 'decision', 'shape': [1, 2]}],
            'input_statistics': {name: feature().model_dump()},
        }
    )


def test_a_manifest_says_what_the_training_data_were_like() -> None:
    told = manifest('observation[3]')
    assert told.input_statistics == {'observation[3]': feature()}
    assert Manifest.model_validate_json(told.model_dump_json()) == told


@pytest.mark.parametrize('name', ['observation[4]', 'observation', 'image[0]'])
def test_statistics_of_no_input_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match='which no input has: name a tensor and an index'):
        manifest(name)


def test_deciles_rise() -> None:
    with pytest.raises(ValidationError, match="'deciles' must rise"):
        FeatureStatistics(mean=0, std=0, deciles=(1.0,) * 9)


def test_observations_are_counted_between_the_deciles() -> None:
    bins = InputBins({'observation[1]': feature(), 'image[0]': feature()})
    for value in (-100.0, 0.5, 1.0, 8.99, 9.0, 100.0):
        bins.add({'observation': [0.0, value]})
    assert bins.snapshot() == {
        'observation[1]': (2, 1, 0, 0, 0, 0, 0, 0, 1, 2),
        'image[0]': (0,) * BINS,
    }
