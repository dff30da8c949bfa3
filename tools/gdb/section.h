/*
 * For programs that are built with DEBUG=1: tells gdb where tapir.py lies, in
 * the section that it looks into for scripts (gdb's manual, 23.4.2). The file
 * host.c is compiled with it.
 */
#ifndef TAPIR_TOOLS_GDB_SECTION_H
#define TAPIR_TOOLS_GDB_SECTION_H

#ifndef TAPIR_GDB_SCRIPT
#define TAPIR_GDB_SCRIPT "tapir.py"
#endif

/* 1: the name of a script in Python */
__asm__(".pushsection .debug_gdb_scripts, \"MS\",%progbits,1\n"
        ".byte 1\n"
        ".asciz \"" TAPIR_GDB_SCRIPT "\"\n"
        ".popsection\n");

#endif
