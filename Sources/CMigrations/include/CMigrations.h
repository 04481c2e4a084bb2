#pragma once
#include <stddef.h>

// One file of the directory migrations/, compiled in, so that `caserouter migrate` needs nothing beside the executable.
typedef struct {
    const char *name;
    const unsigned char *text;
    size_t length;
} caserouter_migration;

// In the order of their numbers, from 0.
caserouter_migration caserouter_migration_at(size_t index);
size_t caserouter_migration_count(void);
