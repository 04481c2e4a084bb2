extension Report {
    /// In the order in which they are listed. `docs/reports.md` describes them, and the views for other readers.
    public static let all: [Report] = [
        Report(
            name: "accounting", summary: "what became of every request: received is always the sum of the others",
            view: "accounting_by_hour", time: .hours,
            columns: .groups(
                keys: [.day, .hour, .org], by: ["org"],
                measures: [
                    .sum("received"), .sum("routed"), .sum("ignored"), .sum("superseded"), .sum("failed"),
                    .sum("discarded"), .sum("pending"), .sum("observed"), .sum("difference"),
                ]), order: "1", coversEverything: true, ledger: "requests"),
        Report(
            name: "volume", summary: "requests by monitored queue, workgroup, skills and hour", view: "volume",
            time: .hours,
            columns: .groups(
                keys: [.day, .hour, .org, Column("queue"), Column("cic"), Column("workgroup"), Column("skills")],
                by: ["org", "queue", "cic", "workgroup"],
                measures: [
                    .sum("received"), .sum("offered"), .sum("routed"), .sum("ignored"), .sum("superseded"),
                    .sum("failed"), .sum("discarded"), .sum("pending"), .sum("observed"),
                ]), order: "1, 2, 3, 4", ledger: "requests"),
        Report(
            name: "skills", summary: "how often each skill was asked for", view: "volume_by_skill", time: .hours,
            columns: .groups(
                keys: [.day, .hour, .org, Column("queue"), Column("cic"), Column("workgroup"), Column("skill")],
                by: ["org", "cic", "skill"], measures: [.sum("received"), .sum("offered")]), order: "1, 2, 3",
            ledger: "requests"),
        Report(
            name: "latency", summary: "seconds from the commit in Salesforce until routable, and how often in target",
            view: "offers", time: .hours,
            columns: .groups(
                keys: [.day, .hour, .org, Column("queue"), Column("cic"), Column("workgroup")],
                by: ["day", "org", "cic", "workgroup"],
                measures: [
                    .figure("offered", "count(*)"), percentile("p50", 0.5), percentile("p90", 0.9),
                    percentile("p99", 0.99), .figure("slowest", "round(max(seconds)::numeric, 3)"),
                    .figure("target", "round(max(target)::numeric, 3)"),
                    .figure("attainment", "round(100.0 * count(*) FILTER (WHERE seconds <= target) / count(*), 2)"),
                ]), order: "1, 2, 3, 4", ledger: "requests"),
        Report(
            name: "failures", summary: "attempts that did not work, by cause over time", view: "failures", time: .hours,
            columns: .groups(
                keys: [.day, .hour, .org, Column("cause"), Column("kind"), Column("stage")],
                by: ["day", "org", "cause", "stage"], measures: [.sum("attempts"), .sum("gave_up")]),
            order: "1, 2, attempts DESC, 3, 4", ledger: "attempts"),
        Report(
            name: "retries", summary: "what was tried again, by whom, and whether it worked then", view: "retries",
            time: .hours,
            columns: .groups(
                keys: [.day, .hour, .org, Column("door")], by: ["day", "org", "door"],
                measures: [.sum("retried"), .sum("succeeded"), .sum("failed"), .sum("waiting")]), order: "1, 2, 3",
            ledger: "attempts"),
        waiting,
        Report(
            name: "ends", summary: "how interactions ended, and how long agents were waited for", view: "ends",
            time: .hours,
            columns: .groups(
                keys: [.day, .hour, .org, Column("cic"), Column("workgroup"), Column("reason")],
                by: ["org", "cic", "workgroup", "reason"],
                measures: [
                    .sum("ended"), .sum("reached_agent"),
                    .figure("mean_wait_s", "round(sum(waited_seconds) / nullif(sum(reached_agent), 0), 1)"),
                    .figure("mean_handling_s", "round(sum(handled_seconds) / nullif(sum(reached_agent), 0), 1)"),
                ]), order: "1, 2, 3, 4"),
        Report(
            name: "decisions", summary: "what was decided, by rule and reason, ignored requests too", view: "decisions",
            time: .hours,
            columns: .groups(
                keys: [
                    .day, .hour, .org, Column("queue"), Column("cic"), Column("workgroup"), Column("change"),
                    Column("rule"), Column("state"),
                ], by: ["org", "state", "rule"], measures: [.sum("requests")]), order: "1, 2, requests DESC, 3",
            ledger: "requests"),
        gaps,
        Report(
            name: "api-calls", summary: "calls to Salesforce's API, and how much of the daily limit is used",
            view: "api_calls", time: .hours,
            columns: .groups(
                keys: [.day, .hour, .org, Column("kind")], by: ["day", "org", "kind"],
                measures: [
                    .sum("calls"), .figure("used", "max(used)"), .figure("call_limit", "max(call_limit)"),
                ]), order: "1, 2, 3"),
        workers, kept,
    ]

    private static func percentile(_ name: String, _ part: Double) -> Measure {
        .figure(name, "round((percentile_cont(\(part)) WITHIN GROUP (ORDER BY seconds))::numeric, 3)")
    }

    private static let waiting = Report(
        name: "waiting", summary: "every case that waits for something now, oldest first", view: "waiting", time: .now,
        columns: .rows([
            Column("org"), Column("case_number"), Column("case_id"), Column("state"), Column("hold"), Column("queue"),
            Column("cic"), Column("workgroup"), Column("skills"), Column("since", .time), Column("seconds", .number),
            Column("attempts", .number), Column("cause"), Column("next_at", .time),
        ]), order: "since, org, case_id")

    private static let gaps = Report(
        name: "gaps", summary: "intervals in which changes may have been missed, and the sweep that healed each",
        view: "gaps", time: .moments("opened_at"),
        columns: .rows([
            Column("id", .number), Column("org"), Column("channel"), Column("opened_at", .time), Column("reason"),
            Column("missing_from", .time), Column("closed_at", .time), Column("seconds", .number),
            Column("sweep", .number), Column("sweep_started_at", .time), Column("sweep_finished_at", .time),
            Column("rows_found", .number), Column("cases_compared", .number), Column("cases_corrected", .number),
            Column("occurrences_found", .number),
        ]), order: "opened_at, id", coversEverything: true)

    private static let workers = Report(
        name: "workers", summary: "processes, whether they are alive, what they hold and did today", view: "workers",
        time: .now,
        columns: .rows([
            Column("name"), Column("role"), Column("host"), Column("pid", .number), Column("version"),
            Column("started_at", .time), Column("seen_at", .time), Column("alive", .flag), Column("leases"),
            Column("attempts_today", .number), Column("worked_today", .number),
        ]), order: "role, name")

    private static let kept = Report(
        name: "kept", summary: "the days that there is anything to report on", view: "kept", time: .now,
        columns: .rows([
            Column("ledger"), Column("first_day", .day), Column("last_day", .day), Column("about_rows", .number),
            Column("bytes", .number),
        ]), order: "ledger DESC")
}

extension Report.Column {
    fileprivate static let day = Report.Column("day", .day)
    fileprivate static let hour = Report.Column("hour", .time)
    fileprivate static let org = Report.Column("org")
}
