import ArgumentParser
import CaseRouting
import Operations

struct RetriesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retries", abstract: "Bulk retries: what was planned, how far each is, start and cancel.",
        discussion: """
            'caserouter failed retry' with filters plans one. A change that mends what failures named starts one by \
            itself. One stops by itself when more than 10 of the last 50 cases failed again.
            """,
        subcommands: [List.self, Show.self, Start.self, Cancel.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists bulk retries, the newest first.")

        @Option(help: "At most this many.") var limit = 20
        @OptionGroup var zone: ZoneOption
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let limit = limit
                guard limit > 0 else { throw Refusal(.usage, "--limit is 1 or more") }
                let retries = try await withFailures { try await $0.bulkRetries(limit: limit) }
                print(common.json ? try RetriesJSON.text(retries) : RetriesText.table(retries, try zone.zone()))
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one bulk retry with its cases.")

        @Argument(help: "Its number.") var id: Int32
        @Option(help: "At most this many of its cases.") var limit = 100
        @OptionGroup var zone: ZoneOption
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (id, limit) = (id, limit)
                guard limit > 0 else { throw Refusal(.usage, "--limit is 1 or more") }
                let (retry, items) = try await withFailures {
                    (try await $0.bulkRetry(id), try await $0.items(of: id, limit: limit))
                }
                print(
                    common.json
                        ? try RetriesJSON.text(retry, items) : RetriesText.text(retry, items, try zone.zone()))
            }
        }
    }

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Starts a planned bulk retry. A second start changes nothing.")

        @Argument(help: "Its number.") var id: Int32
        @Option(help: "Cases a second, 0.1 to 200.", transform: Rate.read) var rate = BulkRetry.usualRate
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (id, rate, author) = (id, rate, common.author)
                let (retry, isNew) = try await withFailures { try await $0.start(id, rate: rate, by: author) }
                if common.json { return print(try RetriesJSON.text([retry])) }
                print(
                    isNew
                        ? "\(id): started, \(retry.counts.eligible) cases at \(RetriesText.rate(retry)); progress: "
                            + "caserouter retries show \(id); end it: caserouter retries cancel \(id)"
                        : "\(id): was started before and is \(retry.state.rawValue); nothing was changed")
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends a bulk retry. What was sent stays sent, the rest stays failed.")

        @Argument(help: "Its number.") var id: Int32
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (id, author) = (id, common.author)
                let (retry, isNew) = try await withFailures { try await $0.cancel(id, by: author) }
                if common.json { return print(try RetriesJSON.text([retry])) }
                print(
                    isNew
                        ? "\(id): cancelled, \(retry.counts.waiting) cases stay failed; plan them anew: caserouter failed "
                            + "retry"
                        : "\(id): had ended before (\(retry.state.rawValue)); nothing was changed")
            }
        }
    }
}

/// Bulk retries for people.
enum RetriesText {
    /// Of one retry, where a command does not say otherwise.
    static let mostItems = 100

    static func rate(_ retry: BulkRetry) -> String { retry.rate.map { "\($0.formatted())/s" } ?? "–" }

    static func table(_ retries: [BulkRetry], _ times: ZonedTimes) -> String {
        guard !retries.isEmpty else { return "no bulk retry was ever planned" }
        var table = TextTable(
            [
                "id", "state", "started (\(times.name))", "rate", "eligible", "waiting", "under way", "done",
                "failed again", "skipped", "not eligible", "by", "asked",
            ], text: [1, 2, 11, 12])
        for one in retries {
            let counts = one.counts
            table.add(
                ["\(one.id)", one.state.rawValue, times.text(one.startedAt), rate(one)]
                    + [
                        counts.eligible, counts.waiting, counts.underWay, counts.done, counts.failedAgain,
                        counts.skipped, counts.notEligible,
                    ].map(String.init) + [one.plannedBy, one.asked])
        }
        return table.text
    }

    private static func words(_ result: String?, isReleased: Bool) -> String {
        switch result {
        case "failed"?: "failed again"
        case let result?: result
        case nil: isReleased ? "under way" : "waiting"
        }
    }

    static func text(_ retry: BulkRetry, _ items: [BulkRetryItem], _ times: ZonedTimes) -> String {
        let counts = retry.counts
        let reason = retry.endReason.map { ": \($0)" } ?? ""
        let start = retry.startedAt.map { "\(times.text($0)), at \(rate(retry))" } ?? "not yet"
        let end = retry.endedAt.map { ", ended \(times.text($0))" } ?? ""
        var lines = [
            "bulk retry \(retry.id), \(retry.state.rawValue)\(reason) (times in \(times.name))",
            "  asked         \(retry.asked), by \(retry.plannedBy)",
            "  as of         \(times.text(retry.plannedAt)): what was eligible then, and what was not",
            "  started       \(start)\(end)",
            "  eligible      \(counts.eligible): \(counts.waiting) waiting, \(counts.underWay) under way, "
                + "\(counts.done) done, \(counts.failedAgain) failed again, \(counts.skipped) skipped",
            "  not eligible  \(counts.notEligible)",
        ].map(\.oneLine)
        if retry.state == .running, counts.waiting > 0, let rate = retry.rate {
            lines.append("  to go         about \(CaseStory.span(.seconds(Double(counts.waiting) / rate)))")
        }
        if !items.isEmpty {
            var table = TextTable(["case", "org", "failure", "is", "why"], text: [0, 1, 3, 4])
            for item in items {
                let state =
                    item.objection != nil ? "not eligible" : words(item.result, isReleased: item.releasedAt != nil)
                table.add([
                    item.caseNumber.isEmpty ? item.key.caseID.description : item.caseNumber, item.key.org,
                    "\(item.failureNumber)", state, String((item.objection ?? item.note ?? "").prefix(120)),
                ])
            }
            lines.append(table.text)
        }
        let all = counts.eligible + counts.notEligible
        if items.count < all { lines.append("\(all - items.count) more: --limit \(all)") }
        if retry.state == .planned && counts.eligible > 0 {
            lines.append("Nothing is sent yet. Start it: caserouter retries start \(retry.id) [--rate 5/s]")
        }
        return lines.joined(separator: "\n")
    }
}

/// The same for programs.
enum RetriesJSON {
    private struct Retry: Encodable {
        let id: Int32
        let state, asked, planned_at, planned_by: String
        let rate: Double?
        let started_at, ended_at, end_reason: String?
        let eligible, waiting, under_way, done, failed_again, skipped, not_eligible: Int
        let cases: [Item]?

        init(_ retry: BulkRetry, _ items: [BulkRetryItem]?) {
            id = retry.id
            state = retry.state.rawValue
            asked = retry.asked
            planned_at = retry.plannedAt.description
            planned_by = retry.plannedBy
            rate = retry.rate
            started_at = retry.startedAt?.description
            ended_at = retry.endedAt?.description
            end_reason = retry.endReason
            eligible = retry.counts.eligible
            waiting = retry.counts.waiting
            under_way = retry.counts.underWay
            done = retry.counts.done
            failed_again = retry.counts.failedAgain
            skipped = retry.counts.skipped
            not_eligible = retry.counts.notEligible
            cases = items.map { $0.map(Item.init) }
        }
    }

    private struct Item: Encodable {
        let org, `case`, case_number: String
        let failure: Int32
        let not_eligible, released_at, result, note: String?

        init(_ item: BulkRetryItem) {
            org = item.key.org
            `case` = item.key.caseID.description
            case_number = item.caseNumber
            failure = item.failureNumber
            not_eligible = item.objection
            released_at = item.releasedAt?.description
            result = item.result
            note = item.note
        }
    }

    static func text(_ retries: [BulkRetry]) throws -> String {
        try JSONText.encode(["retries": retries.map { Retry($0, nil) }])
    }

    static func text(_ retry: BulkRetry, _ items: [BulkRetryItem]) throws -> String {
        try JSONText.encode(Retry(retry, items))
    }
}
