import ProtocolSimulation

extension FaultPlan.Fault {
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
