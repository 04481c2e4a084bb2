import Foundation

/// A CIC server that answers wrongly, late or not at all, and switches over. What others do in it is in `Faults+CICPeople`.
extension FaultPlan.Fault {
    /// Requests that begin a session or are the doctor's, so that somebody has to be brought to send them.
    static let operationsOfSessions = ["connect", "subscribe", "messages"]
    static let operationsOfDoctor = ["configuration", "discovery"]

    func strikeCIC(_ scene: Scene) async throws -> String {
        let control = try scene.cic(target)
        switch kind {
        case .cicAnswersLost:
            return try await disturb(control, ["operation": form, "when": "after", "do": "cut", "count": 3])
        case .cicErrors:
            let words = form.split(separator: " ").map(String.init)
            let status = [500, 502, 503][Int(seed % 3)]
            return try await disturb(
                control,
                ["operation": words[0], "when": words[1], "do": "answer", "status": status, "count": 4]
            ) { try await provoke(words[0], control, scene) }
        case .cicGarbles:
            return try await disturb(control, ["operation": form, "when": "after", "do": "garble", "count": 4])
        case .cicSlow:
            return try await disturb(
                control, ["operation": "any", "when": "before", "do": "wait", "ms": Int(form) ?? 1000])
        case .cicLate:
            let (late, soon) = lateness
            try await control.post("configuration", late)
            try await last { try await control.post("configuration", soon) }
        case .cicSessionsLost: try await loseSessions(control)
        case .handlerMisbehaves where form == "unasked": return try await notify(control)
        case .handlerMisbehaves: return try await misguideHandler(control, scene)
        case .handlerUnpublished:
            try await control.post("configuration", ["handler": ["published": false]])
            try await last { try await control.post("configuration", ["handler": ["published": true]]) }
        case .attributesIgnored:
            try await control.post("configuration", ["createAttributes": "ignored"])
            try await last { try await control.post("configuration", ["createAttributes": "honoured"]) }
        case .queuesUnreadable: return try await hideQueues(control, scene)
        case .foreignInteractions: return try await letOthersCall(control, scene)
        case .agentsAway: try await sendAgentsAway(control)
        default:
            try await followed(control, scene)
            try await switchOver(control)
        }
        return ""
    }

    // MARK: Requests

    /// How long is waited for a request of a kind that is sent now and then: heartbeats are 25 s apart.
    private static let patience = Duration.seconds(30)

    /// Disturbs requests while the fault lasts, and until one was struck.
    ///
    /// - Parameter provoke: brings somebody to send such requests.
    private func disturb(
        _ control: Control, _ orders: [String: any Sendable], provoke: () async throws -> Void = {}
    ) async throws -> String {
        try await control.post("faults", orders)
        try await provoke()
        var struck = 0
        try await last {
            struck = try await Self.waitUntilStruck { try await control.struck() }
            try await control.delete("faults")
        }
        guard struck > 0 else { throw NothingStruck(description: "no request of this kind came") }
        return "\(struck) struck"
    }

    /// - Returns: how many were; 0 when nobody came.
    private static func waitUntilStruck(_ count: () async throws -> Int) async throws -> Int {
        let deadline = ContinuousClock.now + patience
        while true {
            let struck = try await count()
            guard struck == 0, ContinuousClock.now < deadline else { return struck }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    private func provoke(_ operation: String, _ control: Control, _ scene: Scene) async throws {
        if Self.operationsOfSessions.contains(operation) {
            try await control.post("sessions/expire")
        } else if Self.operationsOfDoctor.contains(operation) {
            // It finds what is wrong, and so ends with 1; with something else where the database is being broken.
            _ = try? await scene.product.output(
                "campaign-doctor-\(number)", ["doctor", "--cic", target], codes: [0, 1])
        }
    }

    /// How it is late, and how that ends.
    private var lateness: (late: [String: any Sendable], soon: [String: any Sendable]) {
        let words = form.split(separator: " ")
        let milliseconds = words.last.flatMap { Int($0) } ?? 0
        return switch (words.count > 1 ? words[0] : "", target) {
        case ("answers", _):
            (["handler": ["answerDelay": milliseconds]], ["handler": ["answerDelay": 0]])
        case ("actions", _): (["actionDelay": milliseconds], ["actionDelay": 0])
        case (_, "cic-east"): (["handler": ["delay": milliseconds]], ["handler": ["delay": 0]])
        default:
            (
                ["createAttributes": "late", "createAttributesDelay": milliseconds],
                ["createAttributes": "honoured"]
            )
        }
    }

    /// Every session ends, twice; in between the server may offer no event streams, so that messages are polled.
    private func loseSessions(_ control: Control) async throws {
        struct Features: Decodable { let features: [String: Int] }
        let features = try await control.configuration(Features.self).features
        if form == "no streams" {
            // Versions that know neither.
            let older = features.merging(["messaging": 1, "connection": 10]) { _, older in older }
            try await control.post("configuration", ["features": older])
        }
        try await control.post("sessions/expire")
        try await last { try await control.post("configuration", ["features": features]) }
        try await control.post("sessions/expire")
    }

    // MARK: The handler

    /// It ignores, loses, doubles or refuses some requests, of all operations or of one.
    private func misguideHandler(_ control: Control, _ scene: Scene) async throws -> String {
        struct Settings: Decodable {
            struct Handler: Decodable { let ignoreNext, loseAnswers, duplicateAnswers, failNext: Int }
            let handler: Handler
        }
        let words = form.split(separator: " ").map(String.init)
        let only = ["", "Create", "Assign", "Disconnect"][Int(seed % 4)]
        let count = 4
        var orders: [String: any Sendable] = [words[0]: count, "only": only]
        if words.count > 1 { orders["failCode"] = words[1] }
        try await control.post("configuration", ["handler": orders])
        var struck = 0
        try await last {
            struck = try await Self.waitUntilStruck {
                let left = try await control.configuration(Settings.self).handler
                let counts = [
                    "ignoreNext": left.ignoreNext, "loseAnswers": left.loseAnswers,
                    "duplicateAnswers": left.duplicateAnswers, "failNext": left.failNext,
                ]
                return count - (counts[words[0]] ?? count)
            }
            orders = [words[0]: 0, "only": "", "failCode": "internal"]
            try await control.post("configuration", ["handler": orders])
        }
        let what = only.isEmpty ? "requests" : only
        guard struck > 0 else { throw NothingStruck(description: "no \(what) came") }
        guard words.count > 1, words[1] != "internal" else { return "\(struck) \(what)" }
        return "\(struck) \(what), \(try await scene.retryFailed()) sent again"
    }

    /// Whoever listens for answers of the handler is told things that nobody asked.
    private func notify(_ control: Control) async throws -> String {
        let listened = try await control.notifications().sorted()
        guard !listened.isEmpty else { throw NothingStruck(description: "nobody listens for the handler") }
        let stranger = UUID().uuidString.lowercased()
        let pieces: [[String]] = [
            [], [""], ["Created"], ["Created", stranger, "1001000001"], ["Created", stranger, ""],
            ["Assigned", stranger, "1001000001", "1"], ["Assigned", stranger, "1001000001", "many"],
            ["Stale", stranger, "1001000001", "9223372036854775808"], ["Elsewhere", stranger], ["Gone", "", ""],
            ["Disconnected", stranger, "1001000001"], ["Failed", stranger, "Create", "unknown-skill", "?", "0"],
            ["Failed", stranger, "Erase"], ["Pong", stranger, "99"], ["Nonsense", stranger, "x", "y"],
            [String(repeating: "x", count: 100_000), stranger, stranger],
        ]
        for data in pieces {
            for pair in listened {
                let parts = pair.split(separator: "/", maxSplits: 1).map(String.init)
                guard parts.count == 2, parts[1] != "*" else { continue }
                try await control.post("notify", ["objectId": parts[0], "eventId": parts[1], "data": data])
            }
            try await Task.sleep(for: .seconds(seconds / Double(pieces.count)))
        }
        return "\(pieces.count * listened.count) notifications"
    }

    // MARK: Switchover

    /// Waits until the product has seen the server that is active. One that was deposed is restarted before it is active
    /// again, which takes long; here it could be at once, and nobody would have seen the other.
    private func followed(_ control: Control, _ scene: Scene) async throws {
        let active = try await control.activeServer()
        let deadline = ContinuousClock.now + .seconds(90)
        while ContinuousClock.now < deadline {
            let rows = try await scene.sql("SELECT identity FROM caserouter.cic_servers WHERE name = '\(target)'")
            if try rows[0].optionalText(0) == active { return }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    private func switchOver(_ control: Control) async throws {
        let named = [FaultKind.switchoverAll: "all", .switchoverHalf: "half", .switchoverNone: "none"][kind]
        let emails = named ?? String(form.prefix { $0 != "," })
        let window = Int(seconds * 1000)
        // Late: after the second host answers and well within the time for which the product waits.
        let delay = form.hasPrefix("late") ? window + CampaignSite.recoveryWait * 400 : 0
        var orders: [String: any Sendable] = [
            "emails": emails, "generics": emails != "none", "window": window, "delay": delay,
            "announce": !form.hasSuffix("unannounced"),
        ]
        if kind == .switchoverBoth {
            orders["window"] = 500
            orders["overlap"] = window
            orders["overlapSessions"] = form.hasSuffix("undivided") ? "all" : "half"
        }
        try await control.post("switchover", orders)
        try await last()
    }
}
