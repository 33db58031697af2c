"""What the NEST configuration accepts, refuses, and says about itself without NEST."""

import copy
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from nest_pieces import balanced, config, parrots
from pydantic import ValidationError

from cosim_nest import ENGINE
from cosim_nest.consistency import min_delay_ms

EXAMPLE = """
engine: nest
resolution: 0.1 ms
threads: 1
network:
  populations:
    excitatory:
      model: iaf_cond_exp
      size: 80
      parameters: {C_m: 0.2 nF, tau_syn_ex: 5 ms, E_L: -60 mV, tau_syn_in: 10}
      initial: {V_m: {uniform: [-60 mV, -50 mV]}}
    inhibitory: {model: iaf_cond_exp, size: 20}
  projections:
    - from: excitatory
      to: [excitatory, inhibitory]
      rule: {pairwise_bernoulli: {p: 0.1}}
      synapse: {weight: 6 nS, delay: 1.5 ms}
    - from: [inhibitory]
      to: [excitatory, inhibitory]
      rule: {fixed_indegree: {indegree: 10}}
      synapse:
        model: static_synapse
        weight: {normal: {mean: -60 nS, std: 5 nS, max: 0 nS}}
        delay: {normal: {mean: 1.2 ms, std: 1 ms, min: 0.7 ms}}
  devices:
    - device: poisson_generator
      to: [excitatory, inhibitory]
      parameters: {rate: 8 kHz}
      start: 0 ms
      stop: 300 ms
      synapse: {weight: 1 nS}
receives:
  - population: excitatory
    from: [cortex]
    gain: 300 Hz
    through: {poisson: {}}
    synapse: {weight: 1.5 nS, rule: one_to_one}
sends:
  - {population: excitatory, to: [cortex]}
"""


def example(**edits):
    """Return the example with values replaced; a double underscore steps into a part."""
    data = copy.deepcopy(yaml.safe_load(EXAMPLE))
    for path, value in edits.items():
        *way, last = [int(k) if k.isdigit() else k for k in path.split("__")]
        part = data
        for key in way:
            part = part[key]
        part[last] = value
    return data


def refused(data):
    with pytest.raises(ValidationError) as caught:
        ENGINE.config_model().model_validate(data)
    return {error["loc"]: error["msg"] for error in caught.value.errors()}


def test_the_example_is_read_in_the_units_of_nest():
    cfg = ENGINE.config_model().model_validate(example())
    parameters = cfg.network.populations["excitatory"].parameters
    assert parameters == {"C_m": 200.0, "tau_syn_ex": 5.0, "E_L": -60.0, "tau_syn_in": 10}
    assert cfg.network.devices[0].parameters == {"rate": 8000.0}
    assert ENGINE.populations(cfg) == {"excitatory": 80, "inhibitory": 20}
    assert ENGINE.step_ms(cfg) == 0.1
    assert ENGINE.exchange_step_ms(cfg) == 0.7
    assert ENGINE.threads(cfg) == 1


def test_describing_itself_needs_no_nest():
    code = (
        "import sys, yaml\n"
        "from cosim_nest import ENGINE\n"
        "cfg = ENGINE.config_model().model_validate(yaml.safe_load(sys.stdin.read()))\n"
        "said = ENGINE.exchange_step_ms(cfg), ENGINE.populations(cfg), ENGINE.versions()\n"
        "built = {'engine': 'nest', 'network': {'builder': 'balanced_ei', 'size': 50}}\n"
        "print(ENGINE.populations(ENGINE.config_model().model_validate(built)))\n"
        "sys.exit('nest' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=EXAMPLE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "{'excitatory': 40, 'inhibitory': 10}"


def test_the_json_schema_can_be_made():
    assert "resolution" in ENGINE.config_model().model_json_schema()["properties"]


P = "network__projections__0__"
WRONG = [
    ("resolution", "0.0005 ms", ("resolution",), "multiple of NEST's 0.001 ms"),
    ("resolution", 0.1, ("resolution",), "unit is missing"),
    ("threads", 0, ("threads",), "greater than or equal to 1"),
    ("seed", 3, ("seed",), "not permitted"),
    ("network__populations__inhibitory__size", 0, None, "greater than or equal to 1"),
    (
        "network__populations__inhibitory__parameters",
        {"C_m": "200 mV"},
        ("network", "populations", "inhibitory", "parameters", "C_m"),
        "unit 'mV' does not fit; expected a quantity in pF",
    ),
    (
        "network__populations__inhibitory__parameters",
        {"E_L": "low"},
        ("network", "populations", "inhibitory", "parameters", "E_L"),
        "expected a number",
    ),
    (
        "network__populations__inhibitory__parameters",
        {"b": "3 m/s"},
        ("network", "populations", "inhibitory", "parameters", "b"),
        "expected a quantity in mV or ms or pA or pF or nS or Hz",
    ),
    (
        "network__populations__inhibitory__initial",
        {"V_m": {"uniform": ["-50 mV", "-60 mV"]}},
        ("network", "populations", "inhibitory", "initial", "V_m"),
        "the lowest value, -50, is above the highest, -60",
    ),
    (
        "network__populations__inhibitory__initial",
        {"V_m": {"gaussian": {"mean": 1}}},
        ("network", "populations", "inhibitory", "initial", "V_m"),
        "one distribution (uniform or normal)",
    ),
    (
        "network__populations__excitatory__reference",
        {"rate": ["6 Hz", "2 Hz"]},
        ("network", "populations", "excitatory", "reference", "rate"),
        "the lower end of the band first",
    ),
    (P + "to", "excitatry", None, "no population 'excitatry'; did you mean 'excitatory'?"),
    (P + "rule", "one_to_one", None, "cannot join excitatory (80) and inhibitory (20)"),
    (
        P + "rule",
        {"pairwise_bernoulli": {"p": 1.5}},
        ("network", "projections", 0, "rule", "pairwise_bernoulli", "p"),
        "between 0 and 1",
    ),
    (
        P + "rule",
        {"fixed_indegree": {"indegre": 4, "indegree": 4}},
        ("network", "projections", 0, "rule", "fixed_indegree", "indegre"),
        "did you mean 'indegree'?",
    ),
    (
        P + "rule",
        "fixed_indegree",
        ("network", "projections", 0, "rule", "fixed_indegree"),
        "needs 'indegree'",
    ),
    (P + "synapse__delay", "0.25 ms", None, "must be a positive multiple of the resolution"),
    (P + "synapse__delay", "0 ms", None, "must be a positive multiple of the resolution"),
    (P + "synapse__delay", 1.0, None, "unit is missing"),
    (
        P + "synapse__delay",
        {"normal": {"mean": "1 ms", "std": "1 ms"}},
        None,
        "needs a min, the shortest delay",
    ),
    (P + "synapse__weight", "3 mV", None, "expected a quantity in nS or pA"),
    (P + "synapse", {"weight": 1.0}, ("network", "projections", 0, "synapse", "delay"), "required"),
    ("network__devices__0__to", "thalamus", None, "the network has: excitatory, inhibitory"),
    ("network__devices__0__stop", "0.15 ms", None, "no multiple of the resolution"),
    ("receives__0__population", "inhibitry", None, "did you mean 'inhibitory'?"),
    ("receives__0__synapse", {}, ("receives", 0, "synapse", "weight"), "required"),
    ("receives__0__synapse__delay", "0.25 ms", None, "must be a positive multiple"),
    ("receives__0__through", "rates", ("receives", 0, "synapse", "rule"), "train of its own"),
    (
        "receives__0",
        {
            "population": "excitatory",
            "from": ["x"],
            "through": {"rates": {"tau": 1}},
            "synapse": {"weight": 1},
        },
        ("receives", 0, "through", "rates"),
        "takes no parameters",
    ),
    ("sends__0__population", "foo", None, "there is no population 'foo'"),
]


@pytest.mark.parametrize(("path", "value", "place", "message"), WRONG)
def test_a_wrong_value_is_refused_at_its_place(path, value, place, message):
    by_path = tuple(int(k) if k.isdigit() else k for k in path.split("__"))
    errors = refused(example(**{path: value}))
    assert message in errors[place or by_path]
    assert len(errors) == 1


def test_all_flaws_of_a_kind_are_reported_at_once():
    errors = refused(
        example(
            **{
                P + "to": "excitatry",
                "network__devices__0__stop": "0.15 ms",
                "sends__0__population": "foo",
            }
        )
    )
    assert len(errors) == 3


def test_a_builder_is_named_and_its_parameters_located():
    errors = refused({"engine": "nest", "network": {"builder": "balanced"}})
    assert "did you mean 'balanced_ei'?" in errors["network", "builder"]
    errors = refused({"engine": "nest", "network": balanced(5, dealy="1 ms")})
    assert set(errors) == {("network", "size"), ("network", "dealy")}
    errors = refused({"engine": "nest", "network": balanced(50, delay="0.25 ms")})
    assert "the shortest delay, 0.25 ms" in errors["network", "builder"]


def test_a_built_network_may_have_devices_of_its_own():
    stimulus = {
        "device": "poisson_generator",
        "to": "excitatory",
        "parameters": {"rate": "100 Hz"},
        "synapse": {"weight": "1 nS", "delay": "0.4 ms"},
    }
    cfg = config({**balanced(50), "devices": [stimulus]})
    assert ENGINE.exchange_step_ms(cfg) == 0.4
    assert cfg.network.parameters.size == 50


steps = st.integers(1, 60)


@given(
    st.lists(st.tuples(steps, steps), max_size=5),
    st.lists(steps | st.none(), max_size=3),
    st.lists(steps | st.none(), max_size=3),
)
def test_the_exchange_step_is_the_smallest_delay_that_anything_can_have(drawn, devices, inputs):
    def synapse(step):
        return {"weight": 1.0} | ({} if step is None else {"delay": f"{step / 10} ms"})

    projections = [
        {
            "from": "relay",
            "to": "relay",
            "rule": "one_to_one",
            "synapse": {
                "weight": 1.0,
                "delay": {"uniform": [f"{a / 10} ms", f"{(a + b) / 10} ms"]},
            },
        }
        for a, b in drawn
    ]
    cfg = config(
        parrots(2)
        | {
            "projections": projections,
            "devices": [
                {"device": "poisson_generator", "to": "relay", "synapse": synapse(d)}
                for d in devices
            ],
        },
        receives=[{"population": "relay", "from": ["x"], "synapse": synapse(d)} for d in inputs],
    )
    given_steps = [a for a, _ in drawn] + [d for d in devices + inputs if d is not None]
    assert min_delay_ms(cfg) == min(given_steps, default=1) / 10
