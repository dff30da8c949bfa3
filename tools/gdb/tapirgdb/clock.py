"""Stack time stands still while gdb has stopped the process.

The process cannot know how long that was, so it is told: see struct stack_clock
in stack/host/clock.h."""
import time

import gdb

from tapirgdb import stacks

state = {'since': None, 'clock': None}


def clock_of_process():
    host = stacks.the_host()
    if host is None or not host['is_ready']:
        return None
    return host['clock']


def write(field, number):
    gdb.selected_inferior().write_memory(
        int(field.address), int(number).to_bytes(field.type.sizeof, 'little'))


def has_stopped(_event):
    try:
        state['clock'] = clock_of_process()
        if state['clock'] is not None:
            write(state['clock']['is_stopped'], 1)
            state['since'] = time.monotonic()
    except gdb.error: # a core, or a program without Tapir
        state['clock'] = None


def goes_on(_event):
    clock, since = state['clock'], state['since']
    state['clock'] = None
    if clock is None:
        return
    try:
        stopped = clock['stopped']
        stopped.fetch_lazy()
        write(stopped, int(stopped) + (time.monotonic() - since) * 1000000)
        write(clock['is_stopped'], 0)
    except gdb.error:
        pass


def load():
    gdb.events.stop.connect(has_stopped)
    gdb.events.cont.connect(goes_on)
