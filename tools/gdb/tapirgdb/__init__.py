"""Tapir in gdb; tapir.py loads it."""


def load():
    from tapirgdb import breaks, clock, look, printers, step

    printers.load()
    look.load()
    step.load()
    breaks.load()
    clock.load()
