"""What crossed the channels of a run, kept so that any part of it can be run again alone.

Everything random in a run follows from its seed, so the blocks that a role takes determine what
it does. A role that is given the blocks of its tapes goes through the same states again, at its
own speed and without anybody else; what it sends can be compared with what it sent.
"""

from cosim.tapes.deck import Deck
from cosim.tapes.ends import Listener, Nowhere, PlayedInlet, RepeatingOutlet, TapedInlet
from cosim.tapes.reel import Reel, TapeDamaged
from cosim.tapes.traffic import carried

__all__ = [
    "Deck",
    "Listener",
    "Nowhere",
    "PlayedInlet",
    "Reel",
    "RepeatingOutlet",
    "TapeDamaged",
    "TapedInlet",
    "carried",
]
