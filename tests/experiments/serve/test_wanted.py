"""What clients want: whatever they send is understood or refused by field."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config.serving import ServeConfig
from experiments.serve.errors import RefusalError
from experiments.serve.settings import Settings, menu
from experiments.serve.settings import settings as checked
from experiments.serve.wanted import Asked, wanted
from profiles import Shape, extended, load_profile

CONFIG = vars(ServeConfig(tiers=[{"name": "gold", "weight": 10.0, "deadline": 0.5}]))


def made() -> Settings:
    """Settings with a tier."""
    profile = load_profile("flux1-dev_h100")
    shapes = menu(CONFIG, profile, True)
    return checked(CONFIG, extended(profile, shapes).profile, shapes)


SETTINGS = made()
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["1024x1024", "gold"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.dictionaries(st.sampled_from([*Asked.model_fields, "model", "other"]), ANYTHING, max_size=8)
HEADERS = st.dictionaries(
    st.sampled_from(["x-slo-ms", "x-slo-ttft-ms", "x-llm-d-inference-objective", "other"]),
    st.text(max_size=12),
    max_size=3,
)


@settings(max_examples=400, deadline=None)
@given(FIELDS, HEADERS)
def test_everything_is_understood_or_refused(fields: dict[str, object], headers: dict[str, str]) -> None:
    """Tests that anything gives what can be planned, within the limits, or an error of the client's with a message."""
    try:
        what = wanted(fields, headers, SETTINGS)
    except RefusalError as refusal:
        assert refusal.status == 400 and refusal.message and len(refusal.message) < 600
        return
    assert what.shape in SETTINGS.shapes and 1 <= what.steps <= 200 and 1 <= what.count <= 10 and what.prompt
    assert what.allowed is None or 0 < what.allowed < math.inf
    assert what.allowed is None or what.deadline is None
    assert 0 < what.weight < math.inf and what.kind in ("png", "jpeg", "webp")


def test_width_comes_first() -> None:
    """Tests that sizes are WIDTHxHEIGHT, and that width and height override them."""
    assert wanted({"prompt": "x", "size": "1536x1024"}, {}, SETTINGS).shape == Shape(1024, 1536)
    assert wanted({"prompt": "x", "size": "9x9", "width": 768, "height": 1024}, {}, SETTINGS).shape == Shape(1024, 768)
    assert wanted({"prompt": "x", "width": 512}, {}, SETTINGS).shape == Shape(512, 512)
    assert wanted({"prompt": "x", "size": "auto"}, {}, SETTINGS).shape == Shape(1024, 1024)


def test_tiers_have_weights() -> None:
    """Tests that the weight of a tier multiplies that of the request."""
    assert wanted({"prompt": "x", "tier": "gold", "weight": 2}, {}, SETTINGS).weight == 20.0
    assert wanted({"prompt": "x"}, {"x-llm-d-inference-objective": "gold"}, SETTINGS).weight == 10.0


def test_the_rule_follows_the_scale() -> None:
    """Tests that the target of a request without a deadline is the rule's, times scale and tier."""
    shape = Shape(1024, 1024)
    assert SETTINGS.slo(shape, 50, None) == 3.0 * 1.5
    assert SETTINGS.slo(shape, 50, SETTINGS.tiers["gold"]) == 3.0 * 1.5 * 0.5
    assert replace(SETTINGS, slo_scale=1.0).slo(shape, 25, None) == 1.5
