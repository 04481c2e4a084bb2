#include "CMigrations.h"

// A new migration is added here twice: its text, and its place in the list. A test compares the list with the directory.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char m0001[] = {
#embed "../../migrations/0001_cases.sql"
};
static const unsigned char m0002[] = {
#embed "../../migrations/0002_configuration.sql"
};
static const unsigned char m0003[] = {
#embed "../../migrations/0003_failed_requests.sql"
};
static const unsigned char m0004[] = {
#embed "../../migrations/0004_report_accounting.sql"
};
static const unsigned char m0005[] = {
#embed "../../migrations/0005_partitions.sql"
};
static const unsigned char m0006[] = {
#embed "../../migrations/0006_roles.sql"
};
static const unsigned char m0007[] = {
#embed "../../migrations/0007_watch.sql"
};
static const unsigned char m0008[] = {
#embed "../../migrations/0008_releases.sql"
};
static const unsigned char m0009[] = {
#embed "../../migrations/0009_sweeps_and_names.sql"
};
static const unsigned char m0010[] = {
#embed "../../migrations/0010_failures.sql"
};
static const unsigned char m0011[] = {
#embed "../../migrations/0011_reports.sql"
};
static const unsigned char m0012[] = {
#embed "../../migrations/0012_setup.sql"
};
static const unsigned char m0013[] = {
#embed "../../migrations/0013_case_erase.sql"
};
static const unsigned char m0014[] = {
#embed "../../migrations/0014_setup_rights.sql"
};
static const unsigned char m0015[] = {
#embed "../../migrations/0015_report_doors.sql"
};
static const unsigned char m0016[] = {
#embed "../../migrations/0016_lost_rows.sql"
};
static const unsigned char m0017[] = {
#embed "../../migrations/0017_offers_on_request.sql"
};
static const unsigned char m0018[] = {
#embed "../../migrations/0018_erase_in_one_org.sql"
};
static const unsigned char m0019[] = {
#embed "../../migrations/0019_unaccounted.sql"
};
static const unsigned char m0020[] = {
#embed "../../migrations/0020_legacy_mappings.sql"
};
static const unsigned char m0021[] = {
#embed "../../migrations/0021_case_days.sql"
};
static const unsigned char m0022[] = {
#embed "../../migrations/0022_own_queues.sql"
};
static const unsigned char m0023[] = {
#embed "../../migrations/0023_last_workgroup_retries.sql"
};

static const caserouter_migration all[] = {
    {"0001_cases.sql", m0001, sizeof m0001},
    {"0002_configuration.sql", m0002, sizeof m0002},
    {"0003_failed_requests.sql", m0003, sizeof m0003},
    {"0004_report_accounting.sql", m0004, sizeof m0004},
    {"0005_partitions.sql", m0005, sizeof m0005},
    {"0006_roles.sql", m0006, sizeof m0006},
    {"0007_watch.sql", m0007, sizeof m0007},
    {"0008_releases.sql", m0008, sizeof m0008},
    {"0009_sweeps_and_names.sql", m0009, sizeof m0009},
    {"0010_failures.sql", m0010, sizeof m0010},
    {"0011_reports.sql", m0011, sizeof m0011},
    {"0012_setup.sql", m0012, sizeof m0012},
    {"0013_case_erase.sql", m0013, sizeof m0013},
    {"0014_setup_rights.sql", m0014, sizeof m0014},
    {"0015_report_doors.sql", m0015, sizeof m0015},
    {"0016_lost_rows.sql", m0016, sizeof m0016},
    {"0017_offers_on_request.sql", m0017, sizeof m0017},
    {"0018_erase_in_one_org.sql", m0018, sizeof m0018},
    {"0019_unaccounted.sql", m0019, sizeof m0019},
    {"0020_legacy_mappings.sql", m0020, sizeof m0020},
    {"0021_case_days.sql", m0021, sizeof m0021},
    {"0022_own_queues.sql", m0022, sizeof m0022},
    {"0023_last_workgroup_retries.sql", m0023, sizeof m0023},
};

caserouter_migration caserouter_migration_at(size_t index) { return all[index]; }
size_t caserouter_migration_count(void) { return sizeof all / sizeof all[0]; }
