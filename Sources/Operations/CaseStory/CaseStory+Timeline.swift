import CaseRouting

/// One line of a case's timeline.
public struct StoryLine: Equatable, Sendable {
    public enum What: String, Sendable {
        case changed, received, decided, attempt, interaction, agent, ended, marked
        /// What people did about the case, or Case Router for them.
        case person
    }

    public let at: Timestamp
    public let what: What
    public let text: String
}

extension CaseStory {
    /// What happened, in order. Lines of one instant stand in the order in which they follow from each other.
    public var timeline: [StoryLine] {
        var told = requests.flatMap(lines(of:))
        told += deeds.map(line(of:))
        told += attempts.map(line(of:))
        told += episodes.flatMap(lines(of:))
        return told.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
    }

    private func lines(of request: Request) -> [StoryLine] {
        var lines = [
            StoryLine(
                at: request.occurredAt, what: .changed,
                text: "\(request.change) in Salesforce\(Self.facts(request.record?.change))"),
            StoryLine(
                at: request.receivedAt, what: .received,
                text: "received as request \(request.number)"
                    + (request.found == "sweep" ? ", found by a sweep" : "")
                    + ", \(Self.span(request.receivedAt - request.occurredAt)) after the change"),
        ]
        if let at = request.seenAt {
            lines.append(StoryLine(at: at, what: .decided, text: decision(of: request)))
        }
        if let at = request.markedAt {
            lines.append(StoryLine(at: at, what: .marked, text: "request \(request.number) marked in Salesforce"))
        } else if let error = request.markError {
            lines.append(
                StoryLine(
                    at: request.finishedAt ?? request.receivedAt, what: .marked,
                    text: "request \(request.number) could not be marked in Salesforce: \(error)"))
        }
        return lines
    }

    private func decision(of request: Request) -> String {
        var text = "request \(request.number): "
        guard let rule = request.rule else { return text + (request.outcome ?? "not decided") }
        text += "\(rule.rawValue). \(rule.reason)"
        if let wanted = request.record?.becomes, request.outcome != "ignored", request.outcome != "superseded" {
            text += " Wanted: \(wanted.workgroup) of \(wanted.cic)"
            text += wanted.skills.isEmpty ? "." : " with \(wanted.skills)."
        }
        switch request.outcome {
        case nil: text += " Not carried out yet."
        case "routed"?:
            if let at = request.finishedAt { text += " Routed after \(Self.span(at - request.occurredAt))." }
        case "superseded"? where request.record != nil: text += " Superseded."
        case "discarded"?: text += " Discarded by a person."
        default: break
        }
        return text
    }

    private func line(of attempt: Attempt) -> StoryLine {
        let span = attempt.endedAt.map { " after \(Self.span($0 - attempt.startedAt))" } ?? ""
        let end: String
        switch attempt.outcome {
        case "ok"?: end = "done\(span) by \(attempt.worker)"
        case let outcome?:
            let cause = attempt.cause.map { " (\($0)\(attempt.status.map { ", status \($0)" } ?? ""))" } ?? ""
            end = "\(outcome)\(span) by \(attempt.worker)\(cause)" + (attempt.summary.map { ": \($0)" } ?? "")
        case nil: end = "under way by \(attempt.worker), or that worker died"
        }
        return StoryLine(
            at: attempt.startedAt, what: .attempt, text: "episode \(attempt.episode), \(attempt.stage): \(end)")
    }

    private func line(of deed: Deed) -> StoryLine {
        let what =
            switch deed.action {
            case "failed retry": "sent again"
            case "discard": "given up"
            case "restore": "brought back and sent again"
            default: deed.action
            }
        return StoryLine(
            at: deed.at, what: .person, text: "\(what) by \(deed.actor)" + (deed.reason.map { ": \($0)" } ?? ""))
    }

    private func lines(of episode: Episode) -> [StoryLine] {
        var lines: [StoryLine] = []
        let name = episode.interaction.map { "interaction \($0)" } ?? "no interaction yet"
        let place = (episode.workgroup.map { "workgroup \($0) of " } ?? "") + episode.cic
        if let at = episode.placedAt {
            lines.append(
                StoryLine(at: at, what: .interaction, text: "episode \(episode.number): \(name) waits on \(place)"))
        }
        if let at = episode.withAgentAt {
            lines.append(StoryLine(at: at, what: .agent, text: "episode \(episode.number): an agent took \(name)"))
        }
        if let at = episode.endedAt {
            lines.append(
                StoryLine(
                    at: at, what: .ended,
                    text: "episode \(episode.number): \(Self.endSentence(episode.endReason)), "
                        + "\(Self.span(at - episode.openedAt)) after it began"))
        }
        return lines
    }

    private static func facts(_ change: CaseChange?) -> String {
        guard let change else { return "" }
        var text = ": owner \(change.owner)"
        if let previous = change.previousOwner { text += ", before \(previous)" }
        if change.isClosed { text += ", closed" }
        if !change.skills.isEmpty { text += ", skills \(change.skills)" }
        return text
    }

    /// `420 ms`, `3.2 s`, `5 min`, `2 h 10 min`, `3 d 4 h`.
    public static func span(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = max(0, seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
        switch milliseconds {
        case ..<1_000: return "\(milliseconds) ms"
        case ..<60_000: return "\(milliseconds / 1_000).\(milliseconds / 100 % 10) s"
        case ..<3_600_000: return "\(milliseconds / 60_000) min"
        case ..<86_400_000: return "\(milliseconds / 3_600_000) h \(milliseconds / 60_000 % 60) min"
        default: return "\(milliseconds / 86_400_000) d \(milliseconds / 3_600_000 % 24) h"
        }
    }
}
