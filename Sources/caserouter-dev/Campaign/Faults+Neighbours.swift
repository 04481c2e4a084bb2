import Foundation
import ProtocolSimulation

extension FaultPlan.Fault {
    func strikeCIC(_ scene: Scene) async throws -> String {
        let control = try scene.cic(target)
        switch kind {
        case .cicAnswersLost:
            try await control.post("faults", ["operation": form, "when": "after", "do": "cut", "count": 3])
            try await last { try await control.delete("faults") }
        case .cicErrors:
            let words = form.split(separator: " ").map(String.init)
            let status = [500, 502, 503][Int(seed % 3)]
            try await control.post(
                "faults", ["operation": words[0], "when": words[1], "do": "answer", "status": status, "count": 4])
            try await last { try await control.delete("faults") }
        case .cicGarbles:
            try await control.post("faults", ["operation": form, "when": "after", "do": "garble", "count": 4])
            try await last { try await control.delete("faults") }
        case .cicSlow:
            let milliseconds = Int(form) ?? 1000
            try await control.post("faults", ["operation": "any", "when": "before", "do": "wait", "ms": milliseconds])
            try await last { try await control.delete("faults") }
        case .cicLate where target == "cic-east":
            try await control.post("configuration", ["handler": ["delay": Int(form) ?? 0]])
            try await last { try await control.post("configuration", ["handler": ["delay": 0]]) }
        case .cicLate:
            try await control.post(
                "configuration", ["createAttributes": "late", "createAttributesDelay": Int(form) ?? 0])
            try await last { try await control.post("configuration", ["createAttributes": "honoured"]) }
        case .cicSessionsLost:
            try await control.post("sessions/expire")
            try await last()
            try await control.post("sessions/expire")
        case .handlerMisbehaves:
            try await control.post("configuration", ["handler": [form: 4]])
            try await last { try await control.post("configuration", ["handler": [form: 0]]) }
        default:
            try await followed(control, scene)
            try await switchOver(control)
        }
        return ""
    }

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
        let delay = form == "late" ? window + CampaignSite.recoveryWait * 400 : 0
        var orders: [String: any Sendable] = [
            "emails": emails, "generics": emails != "none", "window": window, "delay": delay,
        ]
        if kind == .switchoverBoth {
            orders["window"] = 500
            orders["overlap"] = window
            orders["overlapSessions"] = form.hasSuffix("undivided") ? "all" : "half"
        }
        try await control.post("switchover", orders)
        try await last()
    }

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
