import Foundation

/// The sentences in which a verdict explains itself.
enum Sentence {
    static func nobodyWorks(on due: ServiceDue) -> String {
        let (ask, place) = (due.ask, due.place)
        let what =
            switch ask.kind {
            case .arrival(let change): "it came into a monitored queue (\(change))"
            case .comment: "somebody commented on it"
            case .email: "an e-mail about it arrived"
            }
        let elsewhere = due.live.map { $0.isHolding ? "\($0.name), which is holding" : $0.name }
        let found =
            elsewhere.isEmpty
            ? "CIC has no live interaction of it" : "its live interaction is on \(elsewhere.joined(separator: " and "))"
        let ended =
            due.agentEnds.last.map { "; an agent ended the last one on \($0.place.workgroup) at \(time($0.at))" } ?? ""
        return "at \(time(ask.at)) \(what), it belongs on \(place.server)/\(place.workgroup), and \(found)\(ended)"
    }

    static func doubled(_ interactions: [Incarnation], at: Int64) -> String {
        let names = interactions.map(\.name).joined(separator: " and ")
        return "at \(time(at)) it had \(interactions.count) live interactions: \(names)"
    }

    /// Time of day in UTC with milliseconds.
    static func time(_ microseconds: Int64) -> String {
        let milliseconds = microseconds / 1000 % 86_400_000
        let seconds = milliseconds / 1000
        return String(
            format: "%02d:%02d:%02d.%03d", Int(seconds / 3600), Int(seconds / 60 % 60), Int(seconds % 60),
            Int(milliseconds % 1000))
    }
}
