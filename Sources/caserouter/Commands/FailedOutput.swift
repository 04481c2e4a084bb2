import CaseRouting
import Operations

/// Failed cases for people.
enum FailureText {
    /// - Parameters:
    ///   - limit: most cases that were asked for: with so many there may be more.
    ///   - isFiltered: whether there may be others that were not asked for.
    static func table(_ cases: [FailedCase], limit: Int, isFiltered: Bool, _ times: ZonedTimes) -> String {
        guard !cases.isEmpty else { return nothing(isFiltered) }
        var table = TextTable(
            ["case", "org", "workgroup", "cause", "failed at (\(times.name))", "failure", "summary"],
            text: [0, 1, 2, 3, 4, 6])
        for one in cases {
            table.add([
                one.caseNumber.isEmpty ? one.key.caseID.description : one.caseNumber, one.key.org,
                place(one.cic, one.workgroup), one.failure.cause.rawValue, times.text(one.failure.at),
                "\(one.failure.number)", String(one.failure.summary.prefix(120)),
            ])
        }
        let count =
            cases.count < limit
            ? "\(cases.count) failed" : "the \(cases.count) that failed longest ago, there may be more (--limit)"
        return table.text
            + "\n\(count); one whole: caserouter failed show CASE; what a cause means: docs/failures/CAUSE.md"
    }

    private static func nothing(_ isFiltered: Bool) -> String {
        isFiltered ? "nothing that was asked for is failed" : "nothing is failed"
    }

    static func table(
        _ groups: [FailureGroup], _ grouping: FailureGrouping, isFiltered: Bool, _ times: ZonedTimes
    ) -> String {
        guard !groups.isEmpty else { return nothing(isFiltered) }
        var table = TextTable(
            [grouping.rawValue, "cases", "first (\(times.name))", "last (\(times.name))", "example", "its summary"],
            text: [0, 2, 3, 4, 5])
        for group in groups {
            table.add([
                group.name, "\(group.cases)", times.text(group.first), times.text(group.last), group.example,
                String(group.summary.prefix(120)),
            ])
        }
        let option = grouping == .workgroup ? "--cic CIC --workgroup WORKGROUP" : "--\(grouping.rawValue) NAME"
        return table.text
            + "\n\(groups.reduce(0) { $0 + $1.cases }) failed; each of them: caserouter failed list \(option)"
            + (grouping == .cause ? "; what a cause means, and how to mend it: docs/failures/CAUSE.md" : "")
    }

    static func place(_ cic: String?, _ workgroup: String?) -> String {
        guard let cic, let workgroup else { return "nowhere" }
        return "\(cic)/\(workgroup)"
    }
}

/// One case for people.
enum FailureStoryText {
    static func text(_ story: FailureStory, _ times: ZonedTimes) -> String {
        var lines = ["case \(story.caseNumber) (\(story.key)), as of \(times.text(story.asOf)) \(times.name)"]
        if let failure = story.failure {
            lines += [
                "  failed     \(times.text(failure.at)), failure \(failure.number), \(failure.kind), at \(failure.stage)",
                "  cause      \(failure.cause): docs/failures/\(failure.cause).md",
                "  summary    \(failure.summary)",
            ]
        } else {
            lines.append("  standing   not failed: \(story.standing ?? "")")
        }
        let skills = story.skills.isEmpty ? "" : ", skills \(story.skills)"
        lines.append("  wanted     \(FailureText.place(story.cic, story.workgroup))\(skills)")
        if let owner = story.owner { lines.append("  owner      \(owner)") }
        if let state = story.episodeState {
            lines.append("  in CIC     interaction \(story.interaction ?? "not known yet"), \(state)")
        }
        for one in story.waiting { lines.append("  waiting    \(one.change) of \(times.text(one.at))") }
        for one in story.discards {
            let restored = one.restoredAt.map { ", restored \(times.text($0)) by \(one.restoredBy ?? "")" } ?? ""
            lines.append("  discarded  \(times.text(one.at)) by \(one.by): \(one.reason)\(restored)")
        }
        lines = lines.map(\.oneLine)
        if !story.tries.isEmpty { lines.append(tries(story.tries, times)) }
        if let last = story.tries.first(where: { $0.response != nil }), let response = last.response {
            lines.append(
                "CIC's answer of \(times.text(last.startedAt)), status \(last.status.map { "\($0)" } ?? "none"):")
            lines += response.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + String($0).oneLine }
        }
        if let failure = story.failure {
            let mending = failure.kind == "configuration" ? "mend the cause, then " : ""
            lines.append("\(mending)send again: caserouter failed retry \(story.key.caseID) --org \(story.key.org)")
        }
        return lines.joined(separator: "\n")
    }

    private static func tries(_ tries: [AttemptRecord], _ times: ZonedTimes) -> String {
        var table = TextTable(
            ["attempt (\(times.name))", "ms", "outcome", "stage", "cause", "status", "mapping", "worker", "summary"],
            text: [0, 2, 3, 4, 6, 7, 8])
        for one in tries {
            table.add([
                times.text(one.startedAt), one.milliseconds.map { "\($0)" } ?? "–", one.outcome ?? "under way",
                one.stage,
                one.cause?.rawValue ?? "", one.status.map { "\($0)" } ?? "",
                one.mapping.map { "\($0) v\(one.mappingVersion.map { "\($0)" } ?? "?")" } ?? "", one.worker,
                String((one.summary ?? "").prefix(100)),
            ])
        }
        return table.text
    }
}

extension AttemptRecord {
    var milliseconds: Int64? { endedAt.map { ($0.microseconds - startedAt.microseconds) / 1_000 } }
}

/// The same for programs.
enum FailureJSON {
    private struct Failure: Encodable {
        let number: Int32
        let kind, stage, cause, summary, failed_at: String

        init(_ failure: CaseFailure) {
            number = failure.number
            kind = failure.kind
            stage = failure.stage
            cause = failure.cause.rawValue
            summary = failure.summary
            failed_at = failure.at.description
        }
    }

    private struct Case: Encodable {
        let org, `case`, case_number: String
        let cic, workgroup: String?
        let skills: String
        let failure: Failure
    }

    private struct Group: Encodable {
        let name: String
        let cases: Int
        let first, last, example, summary: String
    }

    private struct Try: Encodable {
        let started_at: String
        let duration_ms: Int64?
        let outcome, kind: String?
        let stage: String
        let cause, summary: String?
        let status: Int32?
        let response: String?
        let worker: String
        let mapping, mapping_version: Int32?
    }

    private struct Waiting: Encodable { let change, at: String }

    private struct Discarded: Encodable {
        let reason, at, by: String
        let restored_at, restored_by: String?
    }

    private struct Story: Encodable {
        let org, `case`, case_number, as_of: String
        let failure: Failure?
        let standing: String?
        let attempts: Int32
        let owner, cic, workgroup: String?
        let skills: String
        let interaction, episode_state: String?
        let waiting: [Waiting]
        let tries: [Try]
        let discards: [Discarded]
    }

    static func text(_ cases: [FailedCase]) throws -> String {
        try JSONText.encode([
            "failed": cases.map {
                Case(
                    org: $0.key.org, case: $0.key.caseID.description, case_number: $0.caseNumber, cic: $0.cic,
                    workgroup: $0.workgroup, skills: $0.skills, failure: Failure($0.failure))
            }
        ])
    }

    static func text(_ groups: [FailureGroup]) throws -> String {
        try JSONText.encode([
            "groups": groups.map {
                Group(
                    name: $0.name, cases: $0.cases, first: $0.first.description, last: $0.last.description,
                    example: $0.example, summary: $0.summary)
            }
        ])
    }

    static func text(_ story: FailureStory) throws -> String {
        try JSONText.encode(
            Story(
                org: story.key.org, case: story.key.caseID.description, case_number: story.caseNumber,
                as_of: story.asOf.description, failure: story.failure.map(Failure.init), standing: story.standing,
                attempts: story.attempts, owner: story.owner, cic: story.cic, workgroup: story.workgroup,
                skills: story.skills, interaction: story.interaction, episode_state: story.episodeState,
                waiting: story.waiting.map { Waiting(change: $0.change, at: $0.at.description) },
                tries: story.tries.map {
                    Try(
                        started_at: $0.startedAt.description, duration_ms: $0.milliseconds, outcome: $0.outcome,
                        kind: $0.kind, stage: $0.stage, cause: $0.cause?.rawValue, summary: $0.summary,
                        status: $0.status, response: $0.response, worker: $0.worker, mapping: $0.mapping,
                        mapping_version: $0.mappingVersion)
                },
                discards: story.discards.map {
                    Discarded(
                        reason: $0.reason, at: $0.at.description, by: $0.by, restored_at: $0.restoredAt?.description,
                        restored_by: $0.restoredBy)
                }))
    }
}
