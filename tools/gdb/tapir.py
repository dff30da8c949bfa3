# Tapir in gdb: printers, and the command `tapir`. README.md beside this file
# tells what it can do. It is loaded by
#
#     source tools/gdb/tapir.py
#
# and by itself from programs that were built with DEBUG=1. It reads memory and
# calls no function of the program, so that it works on a core as well.
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import tapirgdb  # noqa: E402

tapirgdb.load()
