import CaseRouting

/// Where a case is now, in one sentence, and since when.
public struct Whereabouts: Equatable, Sendable {
    public enum Place: String, Sendable {
        /// Nothing is wanted and nothing is open.
        case nowhere
        /// Something is wanted and CIC was not brought there yet.
        case onItsWay = "on-its-way"
        case held, failed, waiting
        case withAgent = "with-agent"
        case ending
    }

    public let place: Place
    public let sentence: String
    public let since: Timestamp?
}

extension CaseStory {
    public var whereabouts: Whereabouts {
        let state = standing.state
        let open = episodes.last { $0.endedAt == nil }
        if state.attempts >= RetryPolicy.attemptLimit {
            let why = standing.failure.map { "\($0.cause): \($0.summary)" } ?? "the reason was not recorded"
            return Whereabouts(
                place: .failed, sentence: "failed (\(why)); it is not tried again until somebody retries it",
                since: standing.failure?.at)
        }
        if state.isDue, let hold = holds.first {
            return Whereabouts(
                place: .held,
                sentence:
                    "held with \(goal): \(hold.target) is not worked on (\(hold.reason.rawValue): \(hold.detail))",
                since: hold.since)
        }
        if state.isDue {
            let sentence: String
            if let failure = standing.failure, state.attempts > 0 {
                sentence =
                    "on its way to \(goal), attempt \(state.attempts + 1) of \(RetryPolicy.attemptLimit) follows; "
                    + "the last one failed with \(failure.cause)"
            } else {
                sentence = "on its way to \(goal)" + (standing.worker.map { ", worked on by \($0)" } ?? "")
            }
            return Whereabouts(place: .onItsWay, sentence: sentence, since: waitingSince)
        }
        guard let open else { return atRest }
        let name = open.interaction.map { "interaction \($0)" } ?? "an interaction that is being made"
        let place = (open.workgroup.map { "workgroup \($0) of " } ?? "") + open.cic
        if open.state == "ending" {
            return Whereabouts(
                place: .ending, sentence: "\(name) on \(place) is being ended", since: standing.changedAt)
        }
        if let at = open.withAgentAt, state.episode?.isWithAgent == true {
            return Whereabouts(place: .withAgent, sentence: "with an agent of \(place), \(name)", since: at)
        }
        return Whereabouts(
            place: .waiting, sentence: "waits on \(place) for an agent, \(name)", since: open.placedAt ?? open.openedAt)
    }

    private var goal: String {
        guard let wanted = standing.state.wanted else { return "the end of its interaction" }
        let skills = wanted.skills.isEmpty ? "" : " with \(wanted.skills)"
        return "workgroup \(wanted.workgroup) of \(wanted.cic)\(skills)"
    }

    /// The oldest change that waits to be carried out.
    private var waitingSince: Timestamp? {
        requests.filter { $0.outcome == nil }.map(\.receivedAt).min() ?? standing.changedAt
    }

    private var atRest: Whereabouts {
        let last = episodes.last
        let ended = last.flatMap { episode in
            episode.endedAt.map { (at: $0, why: CaseStory.endSentence(episode.endReason)) }
        }
        let why: String
        if standing.state.facts == nil {
            why = "nothing is known of the case but its requests"
        } else if standing.state.facts?.isClosed == true {
            why = "nowhere in CIC: the case is closed"
        } else if let ended, standing.changedAt.map({ ended.at >= $0 - .seconds(1) }) ?? true {
            return Whereabouts(place: .nowhere, sentence: "nowhere in CIC: \(ended.why)", since: ended.at)
        } else if let request = requests.last(where: { $0.rule != nil }), let rule = request.rule {
            why = "nowhere in CIC: \(rule.reason)"
        } else {
            why = "nowhere in CIC"
        }
        return Whereabouts(
            place: .nowhere, sentence: why, since: requests.compactMap(\.seenAt).max() ?? standing.changedAt)
    }

    static func endSentence(_ reason: String?) -> String {
        switch reason {
        case "ended": "its interaction ended in CIC: the agent finished it"
        case "disconnected": "its interaction was ended because it was no longer wanted"
        case "lost": "its interaction was lost in CIC while it waited"
        case "lost-with-agent": "its interaction was lost in CIC while an agent had it"
        case "unborn": "its interaction was never made"
        default: "its interaction ended"
        }
    }
}
