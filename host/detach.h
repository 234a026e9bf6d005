/* Runs the program again from a copy of its file that nobody can write to. */
#ifndef PROA_DETACH_H
#define PROA_DETACH_H

void detach(char **argv);

#endif
