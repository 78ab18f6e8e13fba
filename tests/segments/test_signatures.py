from __future__ import annotations

import copy
import itertools
from pathlib import Path

import pytest
import yaml

from csinsight.contract.domain import BUYER_TYPES
from csinsight.errors import ConfigError
from csinsight.params import shipped
from csinsight.segments.feature_estimators import OBSERVERS
from csinsight.segments.signatures import FEATURES, load_signatures


def written(tmp_path: Path, change: object) -> Path:
    values = yaml.safe_load(shipped("params", "archetypes.yml").read_text(encoding="utf-8"))
    values = copy.deepcopy(values)
    change(values)  # type: ignore[operator]
    path = tmp_path / "mine.yml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    return path


def test_every_type_has_a_signature_and_every_line_a_reason_in_both_languages() -> None:
    known = load_signatures()
    assert list(known.archetypes) == list(BUYER_TYPES)
    for name, archetype in known.archetypes.items():
        for line in archetype.signature:
            assert known.reason(name, line.feature, "zh") == line.reason.zh
            assert known.reason(name, line.feature, "en") == line.reason.en
    assert known.reason("sporty", "deal_share", "en") is None


def test_every_feature_of_a_signature_can_be_read() -> None:
    assert set(OBSERVERS) == set(FEATURES)


def test_no_two_signatures_point_the_same_way() -> None:
    matrix = load_signatures().matrix()
    for one, other in itertools.combinations(matrix, 2):
        assert one @ other < 0.5 * (one @ one) ** 0.5 * (other @ other) ** 0.5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda v: v["archetypes"].pop("sporty"), "no archetype for ['sporty']"),
        (lambda v: v["archetypes"].update(gamer=v["archetypes"]["sporty"]), "unknown type"),
        (
            lambda v: v["archetypes"]["sporty"]["signature"][0].update(feature="sport_share"),
            "did you mean `sports_share`",
        ),
        (lambda v: v["archetypes"]["sporty"]["signature"][0].update(weight=3), "weight"),
        (lambda v: v["archetypes"]["sporty"]["signature"][0]["reason"].pop("zh"), "reason.zh"),
        (lambda v: v["archetypes"]["sporty"].update(needs=["deal_share"]), "signature lacks"),
        (
            lambda v: v["archetypes"]["sporty"]["signature"].append(
                v["archetypes"]["sporty"]["signature"][0]
            ),
            "stands twice",
        ),
        (lambda v: v["support"].update(min_size=1), "min_size"),
        (lambda v: v.update(version=2), "version"),
    ],
)
def test_faults_name_file_place_and_mend(tmp_path: Path, change: object, says: str) -> None:
    path = written(tmp_path, change)
    with pytest.raises(ConfigError) as error:
        load_signatures(path)
    assert str(path) in str(error.value)
    assert says in str(error.value)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yml: can't be read"):
        load_signatures(tmp_path / "none.yml")
    broken = tmp_path / "broken.yml"
    broken.write_bytes("原因: 简单型".encode("gbk"))
    with pytest.raises(ConfigError, match="is not YAML in UTF-8"):
        load_signatures(broken)
