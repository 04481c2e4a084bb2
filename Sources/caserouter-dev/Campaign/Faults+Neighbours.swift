import Foundation
import ProtocolSimulation

extension FaultPlan.Fault {
    func strikeSalesforce(_ scene: Scene) async throws -> String {
        let control = try scene.org(target)
        switch kind {
        case .replayRejected: try await control.post("streams/reset", ["channel": Self.channel])
        case .streamPurged:
            // Whoever comes back now has missed something that nobody keeps.
            try await control.post("faults", ["dropEvents": 3])
            try await control.post("streams/purge")
            try await control.post("sessions/expire")
        case .streamSilent:
            try await control.post("faults", ["silent": true])
            try await last { try await control.post("faults", ["silent": false]) }
        case .eventsDropped: try await control.post("faults", ["dropEvents": 2 + Int(seed % 8)])
        case .salesforceBusy:
            try await control.post("faults", ["busy": 6])
            for path in ["/query", "/composite/sobjects"] {
                try await control.post(
                    "faults/rest",
                    [
                        "path": path, "status": 503, "errorCode": "SERVER_UNAVAILABLE", "message": "Not now",
                        "count": 3,
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
        case .streamSessionsLost: try await control.post("sessions/\(form)")
        case .tokensRevoked: try await control.post("tokens/revoke", ["refreshTokens": true])
        default:
            try await control.post("faults/rows", ["object": "Routing_Request__c", "count": 20])
        }
        return ""
    }

    private static let channel = "/event/Routing_Request__e"

    func strikeNetwork(_ scene: Scene) async throws -> String {
        guard kind != .linksSwizzled else {
            var random = SplitMix(seed: seed)
            let links = await scene.proxy.names
            for link in links.shuffled(using: &random) {
                let how: Disturbance = [.cut, .reset, .blackHole, .delay(300)].randomElement(using: &random) ?? .cut
                try await scene.proxy.disturb(link, how)
                try await Task.sleep(for: .milliseconds(400))
            }
            try await last {
                for link in links.shuffled(using: &random) { try await scene.proxy.disturb(link, .none) }
            }
            return ""
        }
        let disturbance: Disturbance =
            switch kind {
            case .linkCut: .cut
            case .linkReset: .reset
            case .linkLosesAnswers: .lostAnswer
            case .linkSlow: .delay(Int(form) ?? 100)
            case .linkTrickles: .trickle(Int(form) ?? 64)
            default: .blackHole
            }
        try await scene.proxy.disturb(target, disturbance, share: form == "half" ? 0.5 : 1)
        try await last { try await scene.proxy.disturb(target, .none) }
        return ""
    }
}
