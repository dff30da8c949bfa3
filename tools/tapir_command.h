/*
 * The subcommands of the command `tapir`. Each is a main() of its own: argv[0]
 * is its name, and what it returns is the exit status.
 */
#ifndef TAPIR_TOOLS_COMMAND_H
#define TAPIR_TOOLS_COMMAND_H

int lab_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int wire_main(int argc, char **argv);
int plot_main(int argc, char **argv);
int run_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int list_main(int argc, char **argv);
int ss_main(int argc, char **argv);
int top_main(int argc, char **argv);
int arp_main(int argc, char **argv);
int route_main(int argc, char **argv);
int addr_main(int argc, char **argv);
int stats_main(int argc, char **argv);
int drops_main(int argc, char **argv);
int set_main(int argc, char **argv);
int trace_main(int argc, char **argv);
int capture_main(int argc, char **argv);

#endif
