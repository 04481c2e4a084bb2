import ArgumentParser
import CaseRouting
import Operations

extension FailedCommand {
    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends failed cases again: named ones at once, many by filters as a bulk retry.",
            discussion: """
                With filters, or --all, a bulk retry is stored and shown first: what is eligible, and what is not and why. \
                Nothing is sent before 'caserouter retries start', or at once with --start. The same is done in SQL by \
                UPDATE caserouter.failed_requests SET attempts = 0 WHERE …, and by moving the case's handle from \
                caserouter.failed to caserouter.requests.
                """)

        @Argument(help: "Cases: numbers, or ids with 15 or 18 characters. --org says whose numbers they are.")
        var cases: [String] = []
        @Flag(help: "Every failed case, where no filter is given.") var all = false
        @Flag(help: "Start the bulk retry at once.") var start = false
        @Option(help: "Cases a second of the bulk retry, 0.1 to 200.", transform: Rate.read) var rate: Double?
        @OptionGroup var filters: FilterOptions
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                if cases.isEmpty { try await plan() } else { try await retryNamed() }
            }
        }

        private func retryNamed() async throws {
            var others = filters
            others.org = nil
            guard others.isEmpty, !all, !start, rate == nil else {
                throw Refusal(.usage, "name cases, or give filters: not both (--org alone says whose numbers they are)")
            }
            let (cases, org, author) = (cases, filters.org, common.author)
            try AnswerText.print(
                try await withFailures { try await $0.retry(cases, org: org, by: author) }, common.json,
                done: "sent again", verb: "retried"
            ) { "what becomes of it: caserouter case \($0)" }
        }

        private func plan() async throws {
            guard !filters.isEmpty || all else {
                throw Refusal(.usage, "say which: cases by number or id, filters (--cause, --workgroup, …), or --all")
            }
            guard start || rate == nil else {
                throw Refusal(.usage, "--rate goes with --start, or later with 'caserouter retries start'")
            }
            let (filter, author, starts) = (try filters.filter(), common.author, start)
            let rate = rate ?? BulkRetry.usualRate
            guard BulkRetry.rates.contains(rate) else {
                throw Refusal(.usage, "--rate is 0.1 to 200 cases a second")
            }
            let (retry, items) = try await withFailures { failures in
                var retry = try await failures.plan(filter, by: author)
                if starts && retry.counts.eligible > 0 {
                    retry = try await failures.start(retry.id, rate: rate, by: author).retry
                }
                return (retry, try await failures.items(of: retry.id, limit: RetriesText.mostItems))
            }
            print(
                common.json
                    ? try RetriesJSON.text(retry, items) : RetriesText.text(retry, items, try filters.zone.zone()))
            if retry.counts.eligible == 0 { throw ExitCode.notDone }
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives failed cases up: they are offered to nobody, and counted apart.",
            discussion: """
                An interaction that is open for such a case is ended, as soon as no agent has it. A newer change of the \
                case is routed as ever. 'caserouter failed restore' brings it back within 30 days.
                """)

        @Argument(help: "Cases: numbers, or ids with 15 or 18 characters.") var cases: [String]
        @Option(help: "Why, for those who look later.") var reason: String
        @Option(help: "The cases' org, where several have the number.") var org: String?
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (cases, org, reason, author) = (cases, org, reason, common.author)
                try AnswerText.print(
                    try await withFailures { try await $0.discard(cases, org: org, reason: reason, by: author) },
                    common.json, done: "discarded", verb: "discarded"
                ) { "undo: caserouter failed restore \($0)" }
            }
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Brings discarded cases back and sends them again, within 30 days.")

        @Argument(help: "Cases: numbers, or ids with 15 or 18 characters.") var cases: [String]
        @Option(help: "The cases' org, where several have the number.") var org: String?
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (cases, org, author) = (cases, org, common.author)
                try AnswerText.print(
                    try await withFailures { try await $0.restore(cases, org: org, by: author) }, common.json,
                    done: "restored and sent again", verb: "restored"
                ) { "undo, should it fail: caserouter failed discard \($0) --reason WHY" }
            }
        }
    }
}

/// Cases a second, as 5 or 5/s.
enum Rate {
    static func read(_ text: String) throws -> Double {
        guard let rate = Double(text.hasSuffix("/s") ? String(text.dropLast(2)) : text), rate.isFinite else {
            throw ValidationError("--rate is a number of cases a second, as 5 or 5/s")
        }
        return rate
    }
}

/// What became of cases that somebody named, one line each.
enum AnswerText {
    private struct Row: Encodable {
        let org, `case`: String
        let reason: String?
    }

    /// Ends with exit code 1 when something was not done.
    ///
    /// - Parameter next: what can be done then, of the case by its id, or of `CASE` where there are several.
    static func print(
        _ answers: [Failures.Answer], _ json: Bool, done: String, verb: String, next: (String) -> String
    ) throws {
        let isDone = answers.contains { $0.objection == nil }
        if json {
            func rows(_ isDone: Bool) -> [Row] {
                answers.filter { ($0.objection == nil) == isDone }.map {
                    Row(org: $0.key.org, case: $0.key.caseID.description, reason: $0.objection)
                }
            }
            Swift.print(try JSONText.encode([verb: rows(true), "not_\(verb)": rows(false)]))
        } else {
            for answer in answers {
                let place = "\(answer.reference.oneLine) (\(answer.key))"
                Swift.print(answer.objection.map { "\(place): not \(verb), \($0)" } ?? "\(place): \(done)")
            }
            if isDone { Swift.print(next(answers.count == 1 ? "\(answers[0].key.caseID)" : "CASE")) }
        }
        if answers.contains(where: { $0.objection != nil }) { throw ExitCode.notDone }
    }
}
