"""Scenarios that try to do more than to describe a run: edits of ``bad/good.yaml``."""

#: A file that must never come into being; every attempt to run code would make it.
CANARY = "canary"
_MAKE = f"open('{CANARY}', 'w').close()"

TAGS = [
    f"!!python/object/apply:os.system ['touch {CANARY}']",
    f"!!python/object/apply:subprocess.call [['touch', '{CANARY}']]",
    f"!!python/object/apply:builtins.exec [\"{_MAKE}\"]",
    f"!!python/object/apply:eval [\"{_MAKE}\"]",
    f"!!python/object/new:os.system ['touch {CANARY}']",
    f"!!python/object:pathlib.Path {{path: {CANARY}}}",
    "!!python/module:antigravity ''",
    "!!python/name:os.system ''",
    f"!!python/object/new:type {{args: [x, [], {{}}], listitems: \"{_MAKE}\"}}",
    f"!<tag:yaml.org,2002:python/object/apply:os.system> ['touch {CANARY}']",
    f"!include {CANARY}",
    f"!env ${{{CANARY}}}",
    "!!binary aGVsbG8=",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!!timestamp 2001-99-99",
]
#: Places where a value is replaced: text of the good scenario, and what takes a value's place.
PLACES = {
    "seed": ("seed: 42", "seed: {}"),
    "connectome": ("connectome: tvb-data:connectivity_76.zip", "connectome: {}"),
    "parameter": ("w: 0.6,", "w: {},"),
    "builder": ("builder: balanced_ei", "builder: {}"),
    "through": ("through: poisson", "through: {}"),
}
VALUES = {
    "whole number": "9" * 400,
    "longer number": "9" * 999,
    "negative number": "-" + "9" * 400,
    "too long a text": "x" * 5000,
    "deep list": "[" * 60 + "]" * 60,
    "deep mapping": "{a: " * 60 + "1" + "}" * 60,
    "lists without end": "[" * 20_000,
    "path": "../../../../../../etc/passwd",
    "module": "os.system",
    "dunder": "__class__",
    "call": f"\"__import__('os').system('touch {CANARY}')\"",
    "file": f"\"./{CANARY}.py:build\"",
    "device": "/dev/zero",
}


def cases():
    """Yield name, text to replace and its replacement."""
    for place, (old, new) in PLACES.items():
        for tag in TAGS:
            yield f"{place} {tag}", old, new.format(tag)
        for name, value in VALUES.items():
            yield f"{place} {name}", old, new.format(value)


CASES = list(cases())
