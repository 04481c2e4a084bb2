import CaseRouting
import Operations

/// A case's story for people.
struct StoryText {
    let story: CaseStory
    let explanations: [DecisionExplanation]
    let times: ZonedTimes

    var text: String {
        let place = story.whereabouts
        var lines = [
            "case \(story.caseNumber.isEmpty ? "without a number" : story.caseNumber) of \(story.key.org), \(story.key.caseID)",
            "now: \(place.sentence)"
                + (place.since.map { ", since \(times.text($0)) (\(CaseStory.span(story.asOf - $0)))" } ?? ""),
        ]
        if let facts = story.standing.state.facts {
            let owner = story.standing.ownerName.map { "queue \($0)" } ?? (facts.owner.isUser ? "user" : "queue")
            lines.append(
                "in Salesforce: owner \(owner) (\(facts.owner)), \(facts.isClosed ? "closed" : "open")"
                    + (facts.skills.isEmpty ? "" : ", skills \(facts.skills)")
                    + (facts.priority.isEmpty ? "" : ", priority \(facts.priority)"))
        }
        if let next = next { lines.append("next: \(next)") }
        if story.isCut { lines.append("note: only the newest \(CaseStory.mostOfAKind) lines of a kind are shown") }
        lines.append("")
        var table = TextTable(["time (\(times.name))", "what", ""], text: [0, 1, 2])
        for line in story.timeline { table.add([times.text(line.at), line.what.rawValue, line.text]) }
        lines.append(table.text)
        for explanation in explanations { lines += [""] + paragraph(explanation) }
        return lines.map(\.terminalSafe).joined(separator: "\n")
    }

    /// What a person can do, or what happens by itself.
    private var next: String? {
        let name = shellWord(story.caseNumber.isEmpty ? "\(story.key.caseID)" : story.caseNumber)
        switch story.whereabouts.place {
        case .failed: return "repair the cause, then: caserouter failed retry \(name)"
        case .held:
            guard let hold = story.holds.first else { return nil }
            return hold.reason == .paused
                ? "paused by \(hold.placedBy); end it: caserouter resume \(shellWord(hold.target))"
                : "goes on by itself when the hold ends"
        case .onItsWay:
            return story.standing.nextAt.map { $0 > story.asOf ? "tried at \(times.text($0))" : "tried at once" }
        default: return nil
        }
    }

    private func paragraph(_ explanation: DecisionExplanation) -> [String] {
        var lines = ["why request \(explanation.request): \(explanation.rule.rawValue). \(explanation.rule.reason)"]
        lines += explanation.questions.map { "  \($0.isTrue ? "yes" : "no ")  \($0.text)" }
        if let used = explanation.mapping {
            let newest =
                switch used.newestVersion {
                case nil: "; it was removed since"
                case used.mapping.version?: ""
                case let version?: "; it is version \(version) now"
                }
            lines.append(
                "  mapping \(used.mapping.id) version \(used.mapping.version): queue \(used.queueName) → "
                    + "\(used.mapping.cic)/\(used.mapping.workgroup), changed by \(used.changedBy) at "
                    + "\(times.text(used.changedAt))\(newest)")
        }
        lines += explanation.skills.map { "  skill \($0.name): from \($0.from)" }
        lines.append(
            "  rules that did not match: "
                + explanation.rulesThatDidNotMatch.map { "\($0.rule.rawValue) (\($0.because))" }.joined(separator: "; ")
        )
        lines.append("  now it would be: \(outcome(explanation))")
        return lines
    }

    private func outcome(_ explanation: DecisionExplanation) -> String {
        let now = explanation.now
        var text = "\(now.rule.rawValue)"
        if now.raisesRevision {
            text += now.after.wanted.map { ", wanted on \($0.cic)/\($0.workgroup)" } ?? ", no longer wanted"
        }
        return now.rule == explanation.rule ? "the same (\(text))" : "\(text). \(now.rule.reason)"
    }
}

extension String {
    /// As `oneLine`, keeping line breaks that are ours.
    var terminalSafe: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).oneLine }.joined(separator: "\n")
    }
}

/// A case's story for programs. Times are UTC.
struct StoryDocument: Encodable {
    struct Line: Encodable {
        let at, what, text: String
    }
    struct Why: Encodable {
        struct Question: Encodable {
            let question: String
            let answer: Bool
        }
        struct Unmatched: Encodable { let rule, because: String }
        struct Skill: Encodable { let name, from: String }
        struct Used: Encodable {
            let id, version: Int32
            let newest_version: Int32?
            let queue, cic, workgroup, changed_by, changed_at: String
        }
        struct Now: Encodable {
            let rule, reason: String
            let cic, workgroup, skills: String?
        }
        let request: Int64
        let rule, reason: String
        let questions: [Question]
        let rules_that_did_not_match: [Unmatched]
        let mapping: Used?
        let skills: [Skill]
        let now: Now
    }

    let org, case_id, case_number, place, now: String
    let since: String?
    let seconds: Double?
    let owner: String?
    let owner_name: String?
    let closed: Bool?
    let revision, applied_revision: Int64
    let attempts: Int32
    let failure_cause: String?
    let held_by: [String]
    let timeline: [Line]
    let why: [Why]?

    init(_ story: CaseStory, _ explanations: [DecisionExplanation]?) {
        let place = story.whereabouts
        org = story.key.org
        case_id = "\(story.key.caseID)"
        case_number = story.caseNumber
        self.place = place.place.rawValue
        now = place.sentence
        since = place.since?.description
        seconds = place.since.map { Double(story.asOf.microseconds - $0.microseconds) / 1_000_000 }
        let state = story.standing.state
        owner = state.facts?.owner.description
        owner_name = story.standing.ownerName
        closed = state.facts?.isClosed
        revision = state.revision
        applied_revision = state.appliedRevision
        attempts = state.attempts
        failure_cause = story.standing.failure?.cause
        held_by = story.holds.map { "\($0.target) \($0.reason.rawValue)" }
        timeline = story.timeline.map { Line(at: "\($0.at)", what: $0.what.rawValue, text: $0.text) }
        why = explanations.map { $0.map(Self.why) }
    }

    private static func why(_ explanation: DecisionExplanation) -> Why {
        let wanted = explanation.now.raisesRevision ? explanation.now.after.wanted : nil
        return Why(
            request: explanation.request, rule: explanation.rule.rawValue, reason: explanation.rule.reason,
            questions: explanation.questions.map { Why.Question(question: $0.text, answer: $0.isTrue) },
            rules_that_did_not_match: explanation.rulesThatDidNotMatch.map {
                Why.Unmatched(rule: $0.rule.rawValue, because: $0.because)
            },
            mapping: explanation.mapping.map {
                Why.Used(
                    id: $0.mapping.id, version: $0.mapping.version, newest_version: $0.newestVersion,
                    queue: $0.queueName, cic: $0.mapping.cic, workgroup: $0.mapping.workgroup,
                    changed_by: $0.changedBy, changed_at: "\($0.changedAt)")
            },
            skills: explanation.skills.map { Why.Skill(name: $0.name, from: $0.from) },
            now: Why.Now(
                rule: explanation.now.rule.rawValue, reason: explanation.now.rule.reason, cic: wanted?.cic,
                workgroup: wanted?.workgroup, skills: wanted?.skills))
    }
}
