"""Unknown keys: which was meant, and where it stands, also if there are tens of thousands."""

import difflib
from types import SimpleNamespace

from cosim.scenario import keys
from cosim.scenario.explain import validated
from cosim.scenario.fields import Section
from cosim.scenario.yaml_source import Source


class Small(Section):
    duration: float = 1.0
    seed: int = 1


def test_of_very_many_unknown_keys_only_some_are_spelt(monkeypatch):
    sought = []

    def counted(word, *rest, **more):
        sought.append(word)
        return difflib.get_close_matches(word, *rest, **more)

    monkeypatch.setattr(keys, "difflib", SimpleNamespace(get_close_matches=counted))
    keys._close.cache_clear()
    data = {f"duratin{i}": 1.0 for i in range(5000)}
    verdict = validated(Small, data, ())
    assert len(verdict.problems) == 5000
    assert len(sought) <= 2 * keys.MAX_SOUGHT
    assert verdict.problems[0].hint == "did you mean 'duration'?"
    assert verdict.problems[-1].hint == "legal: duration, seed"


def test_a_renamed_key_is_found_below_another_renamed_one():
    lines = {("modles",): 1, ("modles", "a"): 2, ("modles", "a", "recieves"): 3, ("seed",): 9}
    source = Source("s.yaml", lines=dict(lines), files={("modles", "a"): "base.yaml"})
    source.rename({("modles",): "models", ("models", "a", "recieves"): "receives"})
    assert source.place(("models", "a", "receives")) == ("s.yaml", 3)
    assert source.place(("models", "a")) == ("base.yaml", 2)
    assert source.place(("modles", "a", "recieves")) == ("s.yaml", 3)
    assert source.place(("seed",)) == ("s.yaml", 9)
