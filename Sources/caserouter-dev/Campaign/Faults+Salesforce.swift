import Foundation

extension FaultPlan.Fault {
    func strikeSalesforce(_ scene: Scene) async throws -> String {
        let control = try scene.org(target)
        switch kind {
        case .replayRejected: try await invalidatePositions(control)
        case .streamPurged:
            // Whoever comes back now has missed something that nobody keeps.
            try await control.post("faults", ["dropEvents": 3])
            try await control.post("streams/purge")
            try await control.post("sessions/expire")
        case .streamSilent: try await lastWith("silent", control)
        case .eventsDropped: try await control.post("faults", ["dropEvents": 2 + Int(seed % 8)])
        case .eventsLate:
            try await control.post("faults", ["eventDelay": Double(form) ?? 0])
            try await last { try await control.post("faults", ["eventDelay": 0]) }
        case .triggersOff: try await lastWith("triggersOff", control)
        case .eventLimit: try await lastWith("dailyLimit", control)
        case .requestLimit:
            try await control.post("limits", ["used": Self.moreThanADay])
            try await last { try await control.post("limits", ["used": 0]) }
        case .rightsTaken: try await takeRights(control, scene)
        case .salesforceBusy:
            try await control.post("faults", ["busy": 6])
            for path in ["/query", "/composite/sobjects"] {
                try await control.post(
                    "faults/rest",
                    [
                        "path": path, "status": 503, "errorCode": "SERVER_UNAVAILABLE", "message": "Not now",
                        "count": 3, "afterEffect": form == "after",
                    ])
            }
            try await last()
        case .salesforceSlow:
            for path in ["/query", "/composite/sobjects", "/cometd"] {
                try await control.post("faults/rest", ["path": path, "delay": seconds, "count": 4])
            }
            try await last()
        case .salesforceAnswersLost:
            try await control.post(
                "faults/drop", ["path": form, "count": 3, "after": 10, "beforeStatus": seed.isMultiple(of: 2)])
            if form == "/oauth2/token" { try await control.post("tokens/revoke") }
            try await last()
        case .streamSessionsLost:
            if let connects = Int(form.drop { !$0.isNumber }) {
                try await control.post("faults", ["unknownClientAfterConnects": connects])
            } else {
                try await control.post("sessions/\(form)")
            }
        case .tokensRevoked: try await control.post("tokens/revoke", ["refreshTokens": true])
        default:
            try await control.post("faults/rows", ["object": Self.rowObject, "count": 20])
        }
        return ""
    }

    private static let channel = "/event/Routing_Request__e"
    private static let rowObject = "Routing_Request__c"
    private static let moreThanADay = 1_000_000_000

    /// Turns a switch on for as long as the fault lasts.
    private func lastWith(_ name: String, _ control: Control) async throws {
        try await control.post("faults", [name: true])
        try await last { try await control.post("faults", [name: false]) }
    }

    /// Ids of events begin anew: far beyond those that were given out, from the beginning, or so that the stored one is
    /// soon given out again, for another event.
    private func invalidatePositions(_ control: Control) async throws {
        var order: [String: any Sendable] = ["channel": Self.channel]
        if form.hasPrefix("beginning") { order["next"] = 1 }
        if form.hasPrefix("just before"), let last = try await control.lastReplayID(of: Self.channel) {
            order["next"] = max(1, last - 3)
        }
        try await control.post("streams/reset", order)
        if form.hasSuffix("lost") { try await control.post("sessions/expire") }
    }

    /// Somebody takes the permission set away, or a field out of it, and gives it back.
    private func takeRights(_ control: Control, _ scene: Scene) async throws {
        let (name, value) =
            switch form {
            case "rows": ("hidden", Self.rowObject)
            case "events": ("hidden", "Routing_Request__e")
            case "skills": ("hidden", "Case.ObjectRouting_Skills__c")
            default: ("readOnly", "\(Self.rowObject).Status__c")
            }
        let since = Date()
        try await control.post("faults", [name: [value]])
        // Whoever is subscribed stays it.
        if form == "events" { try await control.post("sessions/expire") }
        try await last {
            if form == "marks" { try await waitForRefusal(since, scene) }
            try await control.post("faults", [name: [String]()])
        }
    }

    /// Rows are marked once a minute where there are few.
    private func waitForRefusal(_ since: Date, _ scene: Scene) async throws {
        let deadline = ContinuousClock.now + .seconds(75)
        while ContinuousClock.now < deadline, !Task.isCancelled {
            // A row that is refused is put off by a minute or more.
            let refused = try await scene.sql(
                """
                SELECT 1 FROM caserouter.requests WHERE org = '\(target)' AND write_back_error LIKE '%READONLY%'
                    AND write_back_at > to_timestamp(\(since.timeIntervalSince1970 + 60)) LIMIT 1
                """)
            if !refused.isEmpty { return }
            // Cancelled: the rights are given back all the same.
            do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
        }
    }
}
