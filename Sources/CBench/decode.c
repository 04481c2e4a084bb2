#include <stdlib.h>
#include <string.h>

#include "measure.h"

/* A scanner for well-formed JSON: it goes over a text once, and copies the strings that are wanted. */
struct scanner {
    const char *at, *end;
    int failed;
};

static void blanks(struct scanner *scanner) {
    while (scanner->at < scanner->end && (unsigned char)*scanner->at <= ' ') scanner->at++;
}

static int take(struct scanner *scanner, char wanted) {
    blanks(scanner);
    if (scanner->at >= scanner->end || *scanner->at != wanted) return 0;
    scanner->at++;
    return 1;
}

/* A string's inside; escapes stay as they are, because none of the fields has any. */
static const char *string(struct scanner *scanner, size_t *length) {
    if (!take(scanner, '"')) {
        scanner->failed = 1;
        return "";
    }
    const char *begin = scanner->at;
    while (scanner->at < scanner->end && *scanner->at != '"') scanner->at += *scanner->at == '\\' ? 2 : 1;
    *length = (size_t)(scanner->at - begin);
    scanner->at++;
    return begin;
}

static void skip(struct scanner *scanner) {
    blanks(scanner);
    size_t length;
    int depth = 0;
    do {
        blanks(scanner);
        if (scanner->at >= scanner->end) {
            scanner->failed = 1;
            return;
        }
        char c = *scanner->at;
        if (c == '"') {
            string(scanner, &length);
        } else {
            scanner->at++;
            if (c == '{' || c == '[') depth++;
            else if (c == '}' || c == ']') depth--;
            else if (c != ',' && c != ':')
                while (scanner->at < scanner->end && strchr(",:]} \r\n\t", *scanner->at) == NULL) scanner->at++;
        }
    } while (depth > 0 && !scanner->failed);
}

enum { FIELDS = 14 };
static const char *const names[FIELDS] = {"Row_Id__c", "Row_Created__c", "Case_Id__c", "Case_Number__c", "Change__c",
    "Record_Id__c", "Owner_Id__c", "Previous_Owner_Id__c", "Closed__c", "Skills__c", "Priority__c", "Actor_Id__c",
    "Sequence__c", "replayId"};

struct event {
    char *fields[FIELDS];
};

static int index_of(const char *name, size_t length) {
    for (int i = 0; i < FIELDS; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) return i;
    return -1;
}

/* A value that is a string or a plain word, as a string of its own. */
static char *copy(struct scanner *scanner) {
    blanks(scanner);
    size_t length;
    if (scanner->at < scanner->end && *scanner->at == '"') {
        const char *begin = string(scanner, &length);
        return strndup(begin, length);
    }
    const char *begin = scanner->at;
    skip(scanner);
    return strndup(begin, (size_t)(scanner->at - begin));
}

static void members(struct scanner *scanner, struct event *event, int depth) {
    if (!take(scanner, '{')) {
        scanner->failed = 1;
        return;
    }
    if (take(scanner, '}')) return;
    do {
        size_t length;
        const char *name = string(scanner, &length);
        if (!take(scanner, ':')) scanner->failed = 1;
        int field = index_of(name, length);
        if (field >= 0 && depth == 2) {
            free(event->fields[field]);
            event->fields[field] = copy(scanner);
        } else if (depth < 2 && ((length == 4 && memcmp(name, "data", 4) == 0)
                       || (length == 7 && memcmp(name, "payload", 7) == 0)
                       || (length == 5 && memcmp(name, "event", 5) == 0))) {
            members(scanner, event, depth + 1);
        } else {
            skip(scanner);
        }
    } while (!scanner->failed && take(scanner, ','));
    if (!take(scanner, '}')) scanner->failed = 1;
}

/* Returns the number of events that had a case and a sequence. */
static long decode(const char *answer, size_t size, int *failed) {
    struct scanner scanner = {answer, answer + size, 0};
    long events = 0;
    if (!take(&scanner, '[')) return 0;
    do {
        struct event event = {{NULL}};
        members(&scanner, &event, 0);
        events += event.fields[2] != NULL && event.fields[12] != NULL;
        for (int i = 0; i < FIELDS; i++) free(event.fields[i]);
    } while (!scanner.failed && take(&scanner, ','));
    *failed |= scanner.failed;
    return events;
}

void case_router_bench_decode(
    const char *answer, size_t size, long operations, long warm_up, struct case_router_bench_result *result) {
    int failed = 0;
    long done = 0;
    while (done < warm_up && !failed) {
        long events = decode(answer, size, &failed);
        if (events == 0) failed = 1;
        done += events;
    }
    struct measure begin = measure_begin();
    done = 0;
    while (done < operations && !failed) done += decode(answer, size, &failed);
    if (failed) {
        PROBLEM(result, "the answer cannot be read");
        return;
    }
    measure_end(begin, done, result);
}
