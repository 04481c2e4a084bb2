#ifndef FALSE_CLOCK_H
#define FALSE_CLOCK_H

/// The variable that names the file with the seconds by which a process's wall clock is ahead: a signed number of eight
/// bytes, which may change while the process runs.
#define FALSE_CLOCK_VARIABLE "CASE_ROUTER_FALSE_CLOCK"

#endif
