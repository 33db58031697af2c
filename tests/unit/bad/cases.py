"""Wrong scenarios: each is `good.yaml` with one edit, and what must be said of it."""

from dataclasses import dataclass
from pathlib import Path

GOOD = Path(__file__).with_name("good.yaml")
OVERLAY = Path(__file__).with_name("overlay.yaml")


@dataclass(frozen=True)
class Bad:
    """An edit of the good scenario.

    Parameters
    ----------
    name
        Name of the case.
    old, new
        Text that stands once in the good scenario, and what is put in its place.
    says
        Parts of the one message that is expected.
    at
        Text that stands once and begins in the line to be named; without it, the line where the
        edit begins.
    """

    name: str
    old: str
    new: str
    says: tuple[str, ...]
    at: str = ""


def bad(name, old, new, *says, at=""):
    return Bad(name, old, new, says, at)


def edited(text, case):
    """Return the wrong text and the number of the line that the message must name."""
    assert text.count(case.old) == 1, f"{case.name}: {case.old!r} stands {text.count(case.old)} times"
    wrong, start = text.replace(case.old, case.new), text.index(case.old)
    if case.at:
        assert wrong.count(case.at) == 1, f"{case.name}: {case.at!r} does not stand once"
        start = wrong.index(case.at)
    return wrong, wrong[:start].count("\n") + 1


YAML = (
    bad("not closed", "as: built}\n", "as: built\n", "not YAML", "',' or '}'", at="[rV2]"),
    bad("tab", "  connectome: tvb", "\tconnectome: tvb", "not YAML", "tab"),
    bad("indentation", "  conduction_speed:", "   conduction_speed:", "not YAML", "indent"),
    bad("tag", "seed: 42", "seed: !!python/name:os.system ''", "python/name:os.system", "plain"),
    bad("own tag", "seed: 42", "seed: !seed 42", "!seed", "plain"),
    bad("alias of itself", "overlay: overlay.yaml", "overlay: &o {remove: *o}", "alias"),
    bad("unknown alias", "overlay: overlay.yaml", "overlay: *over", "not YAML", "over"),
    bad("key is a list", "  weights: scaled", "  [weights]: scaled", "key", "plain text"),
    bad("duplicate", "window: 1 ms", "window: 1 ms\nseed: 7", "'seed'", "twice", "line 2",
        at="seed: 7"),
    bad("duplicate below", "    threads: 1", "    resolution: 0.1 ms", "'models.built.resolution'",
        "twice"),
    bad("duplicate model", "transformers: {", "  left: {engine: tvb}\ntransformers: {",
        "'models.left'", "twice", "line 27"),
    bad("duplicate in braces", "{of: r, unit: kHz}", "{of: r, unit: kHz, of: V}",
        "'models.left.activity.of'", "twice"),
    bad("merge key", "  border: true", "  <<: {border: true}", "unknown key '<<' in 'record'"),
    bad("two documents", "transformers: {", "---\ntransformers: {", "not YAML", "document"),
)

KEYS = (
    bad("unknown at the top", "seed: 42", "sed: 42", "unknown key 'sed'", "did you mean 'seed'"),
    bad("unknown, nothing near", "seed: 42", "seed: 42\ncolour: red", "unknown key 'colour'",
        "legal: ", at="colour"),
    bad("unknown in brain", "conduction_speed: 4", "speed: 4", "unknown key 'speed' in 'brain'",
        "'conduction_speed'"),
    bad("capitals", "weights: scaled", "Weights: scaled", "'Weights' in 'brain'", "'weights'"),
    bad("unknown in a rule", "- {match: rest,", "- {matches: rest,", "'matches' in 'regions[3]'",
        "'match'"),
    bad("unknown in a model", "    threads: 1", "    thread: 1", "'thread' in 'models.built'",
        "'threads'"),
    bad("unknown in activity", "{of: S, unit:", "{of: S, units:", "'units'", "'unit'"),
    bad("unknown in receives", "background: 5 Hz", "backgrund: 5 Hz", "'background'"),
    bad("unknown in sends", "gating: {tau_S: 100 ms, ", "gate: {tau_S: 100 ms, ", "'gating'"),
    bad("unknown in gating", "{tau_S: 100 ms, ", "{tauS: 100 ms, ", "'tau_S'"),
    bad("unknown in translate", "as: r, gain: 12 Hz}", "is: r, gain: 12 Hz}", "'is'", "'as'"),
    bad("unknown in record", "  border: true", "  borders: true", "'border'"),
    bad("unknown in transformers", "placement: own", "place: own", "'placement'"),
    bad("unknown in a population", "size: 20}", "n: 20}", "'n'", "'size'"),
    bad("unknown in a projection", "          rule: {fixed_indegree: {indegree: 8}}",
        "          conn: {fixed_indegree: {indegree: 8}}", "'conn'", "'rule'"),
    bad("unknown in a device", "        - device: poisson", "        - devise: poisson",
        "'device'"),
    bad("unknown in a builder", "inhibitory_inputs: 2", "inhibitory_input: 2", "'inhibitory_input'",
        "'inhibitory_inputs'"),
    bad("no seed", "seed: 42\n", "", "'seed' is missing", at="name:"),
    bad("no models", "models:", "model:", "unknown key 'model'", "'models'"),
    bad("no speed", "  conduction_speed: 4 m/s\n", "", "'conduction_speed' is missing in 'brain'",
        "4 m/s", at="brain:"),
    bad("no engine", "  left:\n    engine: tvb\n", "  left:\n",
        "'engine' is missing in 'models.left'", "nest, tvb", at="  left:"),
    bad("no integrator", "    integrator: {HeunDeterministic: {dt: 0.1 ms}}\n", "",
        "'integrator' is missing in 'models.left'", "HeunDeterministic", at="  left:"),
    bad("no rule", "          rule: {fixed_indegree: {indegree: 8}}\n", "",
        "'rule' is missing in 'models.written.network.projections[0]'", at="- from: pyramidal"),
    bad("no synapse",
        "        synapse: {weight: 1.0 nS, delay: 1 ms, rule: {fixed_indegree: {indegree: 4}}}\n",
        "", "'synapse' is missing in 'models.written.receives[0]'", at="- population: pyramidal"),
    bad("no weight", "synapse: {weight: 1.5 nS, delay: 1 ms}", "synapse: {delay: 1 ms}", "weight"),
    bad("number as a key", "  border: true", "  1: true", "unknown key '1' in 'record'"),
)

TYPES = (
    bad("text for seed", "seed: 42", "seed: lucky", "'seed' is 'lucky'", "a whole number"),
    bad("fraction for seed", "seed: 42", "seed: 4.2", "'seed' is 4.2", "a whole number"),
    bad("negative seed", "seed: 42", "seed: -1", "'seed' is -1", "0"),
    bad("large seed", "seed: 42", "seed: 4294967296", "'seed' is 4294967296", "4294967296"),
    bad("true for seed", "seed: 42", "seed: true", "'seed' is true", "a whole number"),
    bad("number for name", "name: wrong on purpose", "name: 12", "'name' is 12", "text"),
    bad("nothing for name", "name: wrong on purpose", "name:", "'name' is empty", "text"),
    bad("list for brain", "  conduction_speed: 4 m/s", "  conduction_speed: [4 m/s]", "['4 m/s']",
        "a number with a unit"),
    bad("no unit of speed", "conduction_speed: 4 m/s", "conduction_speed: 4", "unit is missing",
        "'4 m/s'"),
    bad("unit of speed", "conduction_speed: 4 m/s", "conduction_speed: 4 km/h", "unit 'km/h'",
        "m/s"),
    bad("negative speed", "conduction_speed: 4 m/s", "conduction_speed: -4 m/s", "positive"),
    bad("zero speed", "conduction_speed: 4 m/s", "conduction_speed: 0 m/s", "positive"),
    bad("NaN for speed", "conduction_speed: 4 m/s", "conduction_speed: .nan", "nan",
        "a number with a unit"),
    bad("infinite speed", "conduction_speed: 4 m/s", "conduction_speed: .inf m/s", "'.inf m/s'",
        "a number with a unit"),
    bad("overflowing speed", "conduction_speed: 4 m/s", "conduction_speed: 1e999 m/s", "finite"),
    bad("no unit of duration", "duration: 100 ms", "duration: 100", "'duration' is 100",
        "'100 ms'"),
    bad("unit of duration", "duration: 100 ms", "duration: 100 Hz", "unit 'Hz'", "ms"),
    bad("case of a unit", "duration: 100 ms", "duration: 100 MS", "unit 'MS'", "did you mean 'ms'"),
    bad("zero duration", "duration: 100 ms", "duration: 0 ms", "'duration' is '0 ms'", "positive"),
    bad("negative duration", "duration: 100 ms", "duration: -5 ms", "'duration' is '-5 ms'",
        "positive"),
    bad("finer than a nanosecond", "duration: 100 ms", "duration: 100.00000001 ms", "nanosecond"),
    bad("zero window", "window: 1 ms", "window: 0 ms", "'window' is '0 ms'", "positive", "auto"),
    bad("word for window", "window: 1 ms", "window: automatic", "'window' is 'automatic'", "auto"),
    bad("no unit of window", "window: 1 ms", "window: 1", "'window' is 1", "'1 ms'"),
    bad("weights", "weights: scaled_by_maximum", "weights: scaled_by_max", "'scaled_by_max'",
        "did you mean 'scaled_by_maximum'"),
    bad("infinite weights", "weights: scaled_by_maximum", "weights: .inf", "inf", "finite"),
    bad("negative weights", "weights: scaled_by_maximum", "weights: -1", "-1"),
    bad("text for a flag", "  border: true", "  border: yes", "'record.border' is 'yes'",
        "true or false"),
    bad("number of ranks", "ranks: 2}", "ranks: 0}", "'transformers.ranks' is 0", "auto"),
    bad("placement", "placement: own_ranks", "placement: own_rank", "did you mean 'own_ranks'"),
    bad("unit of activity", "unit: kHz}", "unit: hz}", "'hz'", "did you mean 'Hz'"),
    bad("number for unit", 'unit: "1"}', "unit: 1}", "'models.cortex.activity.unit' is 1", "'1'"),
    bad("from is text", "      - population: excitatory\n        from: [cortex]",
        "      - population: excitatory\n        from: cortex", "'cortex'", "a list", "[cortex]",
        at="from: cortex"),
    bad("from is empty", "        from: [built]", "        from: []", "at least 1"),
    bad("receives is a mapping",
        "    sends:\n      - {population: pyramidal, to: [built]}\n      - {population: basket,",
        "    sends: {population: basket,", "'models.written.sends' is", "a list"),
    bad("negative background", "background: 5 Hz", "background: -5 Hz", "'-5 Hz'", "no negative"),
    bad("maximum", "maximum: 500 Hz", "maximum: 0 Hz", "'0 Hz'", "positive"),
    bad("unit of background", "background: 5 Hz", "background: 5 ms", "unit 'ms'", "Hz"),
    bad("negative time constant", "{tau_S: 100 ms, ", "{tau_S: -100 ms, ", "-100 ms", "positive"),
    bad("gamma", "gamma: 0.641}", "gamma: 0}", "gamma' is 0", "above 0"),
    bad("model is text", "  left:\n    engine: tvb\n", "  lefty: tvb\n  left:\n    engine: tvb\n",
        "'models.lefty' is 'tvb'", "engine", at="lefty"),
    bad("regions is a mapping",
        '  - {match: rV1, as: built}\n  - {match: [rV2], as: written}\n  - {match: "l*", as: '
        "left}\n  - {match: rest, as: cortex}", "  rV1: built", "'regions' is", "a list",
        at="regions:"),
    bad("two names", "through: {mip: {trains: one_per_neuron, correlation: 0.1}}",
        "through: {mip: {correlation: 0.1}, poisson: {}}", "one name"),
)

REGIONS = (
    bad("nothing for the rest", "  - {match: rest, as: cortex}\n", "",
        "no rule matches region 'rA1'", "rest", at="regions:"),
    bad("label", "match: rV1,", "match: rv11,", "'rv11' matches no region", "did you mean 'rV1'"),
    bad("label in a list", "match: [rV2],", "match: [rV2, rVV1],", "'rVV1' matches no region",
        "'rV1'"),
    bad("pattern", 'match: "l*"', 'match: "L?*"', "'L?*' matches no region"),
    bad("order", "  - {match: rV1, as: built}\n  - {match: [rV2], as: written}\n",
        '  - {match: "rV*1", as: cortex}\n  - {match: rV1, as: built}\n  - {match: [rV2], as: '
        "written}\n", "'rV1' has no effect", "regions[0]", "before", at="- {match: rV1,"),
    bad("model", "match: rV1, as: built", "match: rV1, as: buildt", "no model 'buildt'", "'built'"),
    bad("names clash", '{match: "l*", as: left}', '{match: "l*", as: left, simulator: cortex}',
        "two simulators", "'cortex'"),
    bad("order of patterns", '  - {match: "l*", as: left}\n  - {match: rest, as: cortex}\n',
        '  - {match: rest, as: cortex}\n  - {match: "l*", as: left}\n', "'l*'", "regions[2]",
        at='- {match: "l*"'),
)

BORDERS = (
    bad("population in receives", "      - population: inhibitory\n",
        "      - population: inhibitry\n", "no population 'inhibitry'", "'inhibitory'"),
    bad("population in sends", "      - population: excitatory\n        to:",
        "      - population: exc\n        to:", "no population 'exc'", "excitatory, inhibitory"),
    bad("receives from", "from: [written]", "from: [writen]", "no model 'writen'", "'written'"),
    bad("receives from a silent one", "- {population: pyramidal, to: [built]}",
        "- {population: pyramidal, to: [left], as: V, gain: 1}",
        "'written' sends nothing to 'built'", "sends", at="from: [written]"),
    bad("sends to a deaf one", "- {population: pyramidal, to: [built]}",
        "- {population: pyramidal, to: [built, written]}",
        "'written' receives nothing from 'written'", "'from: [written]'"),
    bad("sends to", "to: [cortex, written]", "to: [corte, written]", "no model 'corte'",
        "'cortex'"),
    bad("sends to an unknown variable", "        as: S\n", "        as: T\n", "'T'",
        "coupling variable", "'cortex'", "S"),
    bad("as is missing", "        as: S\n", "", "'as' is missing", "'cortex'", "S",
        at="- population: excitatory\n        to:"),
    bad("one variable twice", "- {population: basket, to: [left], as: r, gain: 0.5}",
        "- {population: basket, to: [left], as: r, gain: 0.5}\n      - {population: pyramidal, "
        "to: [left], as: r, gain: 0.7}", "'r' of 'left'", "sends[1]", at="gain: 0.7"),
    bad("gain and gating", "        gating: {tau_S",
        "        gain: 0.1 /Hz\n        gating: {tau_S", "both", "'gain' and 'gating'",
        "exactly one", at="gating: {tau_S"),
    bad("neither gain nor gating", "        gating: {tau_S: 100 ms, gamma: 0.641}\n", "", "neither",
        "exactly one", at="- population: excitatory\n        to:"),
    bad("gain without unit", "gain: 300 Hz", "gain: 300", "'models.built.receives[0].gain' is 300",
        "unit is missing", "Hz"),
    bad("gain of another unit", "gain: 300 Hz", "gain: 300 mV", "unit 'mV'", "Hz"),
    bad("gain with a needless unit", "gain: 2.0", "gain: 2.0 Hz", "'2.0 Hz'",
        "a number without unit"),
    bad("gain into a rate", "as: r, gain: 0.5}", "as: r, gain: 0.5 /Hz}", "'0.5 /Hz'",
        "without unit", "kHz"),
    bad("gain between fields", "as: r, gain: 12 Hz}", "as: r, gain: 12}", "12", "unit is missing",
        "Hz"),
    bad("no gain", "        gain: 300 Hz\n", "", "gain", "'mip'",
        at="- population: excitatory\n        from:"),
    bad("gain with relay", "through: relay", "through: relay\n        gain: 1.0", "'relay'",
        "takes none", at="gain: 1.0"),
    bad("relay from a field",
        "        gain: 300 Hz\n        maximum: 500 Hz\n        background: 5 Hz\n        "
        "through: {mip: {trains: one_per_neuron, correlation: 0.1}}", "        through: relay",
        "'relay'", "'cortex'", "poisson"),
    bad("infinite gain", "gain: 2.0", "gain: .inf", "inf", "finite"),
    bad("transformer", "through: poisson", "through: poison", "no transformer 'poison'",
        "'poisson'"),
    bad("transformer of the other way", "through: {rate: {kernel: exponential, tau: 10 ms}}",
        "through: poisson", "'poisson'", "rate"),
    bad("correlation", "correlation: 0.1}", "correlation: 1.5}", "correlation' is 1.5",
        "at most 1"),
    bad("no correlation", "{mip: {trains: one_per_neuron, correlation: 0.1}}", "mip",
        "'correlation' is missing"),
    bad("parameter of a transformer", "{trains: one_per_neuron, corr",
        "{train: one_per_neuron, corr", "'train'", "'trains'"),
    bad("trains", "{trains: one_per_neuron, corr", "{trains: many, corr", "'many'",
        "one_per_neuron"),
    bad("kernel", "kernel: exponential", "kernel: exponental", "'exponental'", "'exponential'"),
    bad("parameter of a kernel", "kernel: exponential, tau: 10 ms", "kernel: boxcar, tau: 10 ms",
        "boxcar", "width"),
    bad("no time constant", "kernel: exponential, tau: 10 ms", "kernel: alpha", "tau", "alpha"),
    bad("negative time of a kernel", "tau: 10 ms}}", "tau: -10 ms}}", "-10 ms", "positive"),
    bad("unit of a kernel", "tau: 10 ms}}", "tau: 10 Hz}}", "unit 'Hz'", "ms"),
    bad("parameters of rates", "through: poisson", "through: {rates: {trains: 4}}",
        "'rates' takes no parameters"),
    bad("receives in a field", "    activity: {of: r, unit: kHz}",
        "    receives: [{population: a, from: [built]}]\n    activity: {of: r, unit: kHz}",
        "'receives'", "spiking", "translate", at="receives: [{population: a"),
    bad("translate in spikes", "    threads: 1",
        "    translate: [{from: [cortex], as: S, gain: 1}]", "'translate'", "mean-field",
        "receives"),
    bad("activity of spikes", "    threads: 1", "    activity: {of: V_m}", "'activity'",
        "mean-field", "sends"),
    bad("variable of activity", "activity: {of: S,", "activity: {of: s,", "'s'",
        "coupling variable", "'S'"),
    bad("translate from spikes", "{from: [cortex], as: r, gain: 12 Hz}",
        "{from: [built], as: r, gain: 12 Hz}", "'built' is a spiking model", "sends"),
    bad("translate into", "as: r, gain: 12 Hz}", "as: q, gain: 12 Hz}", "'q'", "coupling variable",
        "r"),
    bad("translate from", "{from: [cortex], as: r,", "{from: [kortex], as: r,", "no model 'kortex'",
        "'cortex'"),
    bad("recorded model", "spikes: {built: {", "spikes: {build: {", "no model 'build'", "'built'"),
    bad("recorded population", "inhibitory: every 10th", "inhibitori: every 10th",
        "no population 'inhibitori'", "'inhibitory'"),
    bad("recorded how often", "inhibitory: every 10th", "inhibitory: every tenth", "'every tenth'",
        "every 10th"),
    bad("recorded field", "spikes: {built: {", "spikes: {cortex: {S: all}, built: {", "'cortex'",
        "mean-field"),
    bad("recorded what", "spikes: {built: {excitatory: all, inhibitory: every 10th}}",
        "spikes: some", "'some'", "all", "none"),
)

TIMES = (
    bad("window too long", "window: 1 ms", "window: 2 ms", "2 ms", "rCCA -> lCCA", "4.93328 mm",
        "4 m/s", "1.2 ms", "at most 1 ms"),
    bad("window off the minimum delay", "window: 1 ms", "window: 0.5 ms", "0.5 ms",
        "a multiple of 1 ms", "built"),
    bad("window off the step", "window: 1 ms", "window: 0.25 ms", "'window' is 0.25 ms",
        "a multiple of 0.1 ms"),
    bad("duration off the step", "duration: 100 ms", "duration: 100.05 ms", "100.05 ms",
        "a multiple of 0.1 ms"),
    bad("duration off the window", "duration: 100 ms", "duration: 100.5 ms", "100.5 ms",
        "a multiple of 1 ms"),
    bad("no window is possible", "conduction_speed: 4 m/s", "conduction_speed: 10 m/s",
        "rCCA -> lCCA", "10 m/s", "slower", "1 ms", at="window:"),
    bad("no common step", "integrator: {HeunDeterministic: {dt: 0.1 ms}}",
        "integrator: {HeunDeterministic: {dt: 0.0000001 ms}}", "nanosecond", "'0.0000001 ms'"),
)

NEST = (
    bad("engine", "  written:\n    engine: nest", "  written:\n    engine: nst", "no engine 'nst'",
        "'nest'", at="nst"),
    bad("resolution", "    resolution: 0.1 ms", "    resolution: 0 ms",
        "'models.built.resolution' is", "0 ms"),
    bad("threads", "    threads: 1", "    threads: 0", "'models.built.threads' is 0", "1"),
    bad("builder", "builder: balanced_ei", "builder: balanced_ie", "'balanced_ie'",
        "'balanced_ei'"),
    bad("parameter of a builder", "size: 100,", "size: 3,", "size' is 3", "10"),
    bad("neuron model", "basket: {model: iaf_cond_exp", "basket: {model: iaf_cond_expo",
        "'iaf_cond_expo'", "'iaf_cond_exp'"),
    bad("device for a neuron", "basket: {model: iaf_cond_exp", "basket: {model: poisson_generator",
        "'poisson_generator'", "a neuron"),
    bad("parameter of a neuron", "{C_m: 200 pF}", "{Cm: 200 pF}", "'Cm'", "'C_m'"),
    bad("unit of a parameter", "{C_m: 200 pF}", "{C_m: 200 mV}", "'200 mV'", "pF"),
    bad("value that NEST refuses", "{C_m: 200 pF}", "{C_m: -200 pF}", "NEST refuses", "apacitance"),
    bad("initial value", "{V_m: -60 mV}", "{V: -60 mV}", "'V'", "iaf_cond_exp"),
    bad("size", "size: 20}", "size: 0}", "size' is 0", "at least 1"),
    bad("no population", "          to: [pyramidal, basket]\n          rule",
        "          to: [pyramidal, baskt]\n          rule", "no population 'baskt'", "'basket'"),
    bad("rule", "rule: {fixed_indegree: {indegree: 8}}", "rule: {fixed_indegre: {indegree: 8}}",
        "'fixed_indegre'", "'fixed_indegree'"),
    bad("parameter of a rule", "{fixed_indegree: {indegree: 8}}", "{fixed_indegree: {indegre: 8}}",
        "'indegre", "'indegree'"),
    bad("value of a rule", "{fixed_indegree: {indegree: 8}}", "{fixed_indegree: {indegree: 0.5}}",
        "0.5", "whole number"),
    bad("sizes of a rule", "rule: {fixed_indegree: {indegree: 8}}", "rule: one_to_one",
        "one_to_one", "pyramidal (80)", "basket (20)"),
    bad("synapse model", "model: static_synapse", "model: static_synaps", "'static_synaps'",
        "'static_synapse'"),
    bad("parameter of a synapse", "{model: static_synapse, weight",
        "{model: static_synapse, tau: 3, weight", "'tau'", "static_synapse"),
    bad("unit of a weight", "weight: 0.5 nS", "weight: 0.5 mV", "'0.5 mV'", "nS"),
    bad("delay off the grid", "weight: 0.5 nS, delay: 1 ms", "weight: 0.5 nS, delay: 1.05 ms",
        "1.05 ms", "multiple of the resolution"),
    bad("no unit of a delay", "weight: 0.5 nS, delay: 1 ms", "weight: 0.5 nS, delay: 1",
        "unit is missing", "ms"),
    bad("device", "device: poisson_generator", "device: poison_generator", "'poison_generator'",
        "'poisson_generator'"),
    bad("parameter of a device", "{rate: 400 Hz}", "{rates: 400 Hz}", "'rates'", "'rate'"),
    bad("distribution", "weight: 1.5 nS", "weight: {normals: {mean: 1 nS, std: 1 nS}}", "normal"),
    bad("rule of rates", "        through: relay\n", "        gain: 1.0\n        through: rates\n",
        "rates", "rule", at="rule: {fixed_indegree: {indegree: 4"),
)

TVB = (
    bad("field model", "model: MontbrioPazoRoxin", "model: MontbrioPasoRoxin",
        "'MontbrioPasoRoxin'", "'MontbrioPazoRoxin'"),
    bad("parameter", "{w: 0.6, I_o", "{W: 0.6, I_o", "'W'", "'w'"),
    bad("unit of a field parameter", "{w: 0.6, I_o", "{w: 0.6 mV, I_o", "'0.6 mV'", "number"),
    bad("region of a parameter", "rA1: 0.31", "rA9: 0.31", "'rA9'", "did you mean"),
    bad("coupling", "{Linear: {a: 0.03}}", "{Liner: {a: 0.03}}", "'Liner'", "'Linear'"),
    bad("parameter of the coupling", "{Linear: {a: 0.03}}", "{Linear: {alpha: 0.03}}", "'alpha'",
        "a"),
    bad("coupling that reads its target", "{Linear: {a: 0.03}}", "{Difference: {a: 0.03}}",
        "Difference", "the state of the target itself", "'built'", "Linear",
        at="from: [cortex]\n        gain"),
    bad("integrator", "{HeunStochastic:", "{HeunStochastik:", "'HeunStochastik'",
        "'HeunStochastic'"),
    bad("no step", "{HeunDeterministic: {dt: 0.1 ms}}", "HeunDeterministic", "'dt' is missing",
        "{HeunDeterministic: {dt: 0.1 ms}}"),
    bad("unit of the step", "{HeunDeterministic: {dt: 0.1 ms}}", "{HeunDeterministic: {dt: 0.1}}",
        "unit is missing", "ms"),
    bad("negative step", "{HeunDeterministic: {dt: 0.1 ms}}", "{HeunDeterministic: {dt: -0.1 ms}}",
        "-0.1 ms", "positive"),
    bad("parameter of the integrator", "dt: 0.1 ms, nsig", "dt: 0.1 ms, nsg", "'nsg'", "'nsig'",
        at="nsg"),
    bad("noise of a deterministic one", "{HeunDeterministic: {dt: 0.1 ms}}",
        "{HeunDeterministic: {dt: 0.1 ms, nsig: 0.1}}", "deterministic", "'HeunStochastic'"),
    bad("negative noise", "nsig: 1.0e-5", "nsig: -1.0e-5", "-1e-05", "negative"),
    bad("initial variable", "initial: {S:", "initial: {s:", "'s'", "'S'"),
    bad("empty interval", "initial: {S: [0.0, 0.1]}", "initial: {S: [0.1, 0.0]}", "[0.1, 0.0]"),
    bad("monitor", "TemporalAverage: {period: 1 ms}", "TemporalAvrage: {period: 1 ms}",
        "'TemporalAvrage'", "'TemporalAverage'"),
    bad("parameter of a monitor", "{period: 1 ms}", "{perid: 1 ms}", "'perid'", "'period'"),
    bad("period off the step", "{period: 1 ms}", "{period: 1.05 ms}", "1.05 ms",
        "a positive multiple of the integration step"),
    bad("no unit of a period", "{period: 1 ms}", "{period: 1}", "unit is missing", "ms"),
    bad("period of Bold", "{period: 2 s}", "{period: 5 ms}", "5 ms", "a multiple of 4 ms"),
)

OVERLAYS = (
    bad("no overlay", "overlay: overlay.yaml", "overlay: overlya.yaml", "'overlya.yaml'", "no file",
        "'overlay.yaml'"),
    bad("region removed", "overlay: overlay.yaml", "overlay: {remove: [rV11]}", "no region 'rV11'",
        "'rV1'"),
    bad("region added twice", "overlay: overlay.yaml",
        "overlay: {add: [{label: rV1, centre: [0 mm, 0 mm, 0 mm]}]}", "'rV1'", "already"),
    bad("two coordinates", "overlay: overlay.yaml",
        "overlay: {add: [{label: T, centre: [0 mm, 0 mm]}]}", "centre", "3 items"),
    bad("connectome", "tvb-data:connectivity_76.zip", "tvb-data:connectivity_67.zip",
        "'connectivity_67.zip'", "did you mean 'connectivity_"),
    bad("file of the connectome", "tvb-data:connectivity_76.zip", "brain.zip", "'brain.zip'",
        "no file"),
    bad("package of the connectome", "tvb-data:connectivity_76.zip", "tvbdata:connectivity_76.zip",
        "'tvbdata:connectivity_76.zip'", "'tvb-data'"),
)

CASES = (*YAML, *KEYS, *TYPES, *REGIONS, *BORDERS, *TIMES, *NEST, *TVB, *OVERLAYS)
